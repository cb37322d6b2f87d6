/** The table of error responses. */
import { expect } from 'chai';
import { rejection, rejections } from '../../../scorer-image/rejections.ts';

describe('rejection', () => {
  it('has the status and the message of its code', () =>
    expect(rejection('methodNotAllowed')).to.deep.equal({ status: 405, message: 'Method not allowed' }));

  it('has the given values in place of the names', () =>
    expect(rejection('noSuchModelVersion', { model: 'iris', version: 3 }).message).to.equal(
      'there is no model iris version 3 here',
    ));

  it('keeps a value as it is, also one that looks like a pattern or a name', () =>
    expect(rejection('noSuchPath', { method: '{path}', path: '/$&' }).message).to.equal(
      '{path} /$& does not exist; try POST /score',
    ));
});

describe('the table of error responses', () => {
  const rows = rejections();

  it('has only statuses of errors', () => {
    expect(rows.filter(({ status }) => status < 400 || status > 599)).to.deep.equal([]);
  });

  it('has each message once, so that a message names its code', () => {
    const shared = ['{problem}']; // its message is written elsewhere
    const messages = rows.map(({ message }) => message).filter((message) => !shared.includes(message));
    expect(messages.filter((message, i) => messages.indexOf(message) !== i)).to.deep.equal([]);
  });
});
