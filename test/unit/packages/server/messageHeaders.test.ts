/** Headers that a proxy sends on. */
import { endToEnd, isFieldValue } from '@penstock/server/messageHeaders';
import { expect } from 'chai';

const of = (rawHeaders: string[], connection?: string): string[] =>
  endToEnd({ rawHeaders, headers: connection === undefined ? {} : { connection } });

describe('the headers that a proxy sends on', () => {
  it('are all in their order and case, also repeated ones', () =>
    expect(of(['Host', 'a', 'x-UPPER', '1', 'set-cookie', 'b', 'set-cookie', 'c'])).to.deep.equal([
      'Host',
      'a',
      'x-UPPER',
      '1',
      'set-cookie',
      'b',
      'set-cookie',
      'c',
    ]));

  for (const name of ['Connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'Expect'])
    it(`leave out ${name}`, () => expect(of([name, 'x', 'kept', 'y'])).to.deep.equal(['kept', 'y']));

  it('leave out what the header Connection names', () =>
    expect(
      of(['connection', 'X-One, x-two', 'x-one', '1', 'X-Two', '2', 'x-three', '3'], 'X-One, x-two'),
    ).to.deep.equal(['x-three', '3']));

  for (const name of ['content-length', 'transfer-encoding', 'host', 'authorization'])
    it(`keep ${name}, also if the header Connection names it`, () =>
      expect(of([name, '1'], name)).to.deep.equal([name, '1']));
});

describe('the value of a header', () => {
  for (const value of ['', 'a b', 'a\tb', '\xe9', '~'])
    it(`may be ${JSON.stringify(value)}`, () => expect(isFieldValue(value)).to.equal(true));
  for (const value of ['a\r\nb: c', 'a\n', '\0', '\x7f', 'ā'])
    it(`may not be ${JSON.stringify(value)}`, () => expect(isFieldValue(value)).to.equal(false));
});
