/** A script may post what it likes from its worker: what has not the shape of answers is none. */
import { expect } from 'chai';
import { isResponseBatch, encode } from '../../../scorer-image/run/responseCodec.ts';

describe('answers of a worker', () => {
  const sound = encode(
    [
      { id: 1, status: 200, body: 'x', runMs: 1 },
      { id: 2, status: 400, body: 'no' },
    ],
    1,
    [1],
  );
  it('are known by their shape', () => expect(isResponseBatch(sound)).to.equal(true));
  for (const [what, message] of [
    ['a text', 'answers'],
    ['the word alone', ['answers']],
    ['no number of messages', sound.with(1, 'x')],
    ['rows that are no numbers', sound.with(2, [null] as never)],
    ['ids that are no list', sound.with(3, 7)],
    ['a text that is none', sound.with(6, null as never)],
    ['others that are null', sound.with(7, [null] as never)],
  ] as const)
    it(`are not ${what}`, () => expect(isResponseBatch(message)).to.equal(false));
});
