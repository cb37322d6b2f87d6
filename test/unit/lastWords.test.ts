/** What a request that cannot be read is told, and when nothing may be said. */
import { lastWords } from '@penstock/contract';
import { expect } from 'chai';

const CALLER = { writable: true, bytesRead: 1 };
const answering = (headersSent: boolean, complete: boolean) => ({ ...CALLER, _httpMessage: { headersSent, req: { complete } } });

const ROWS: [string, string, Parameters<typeof lastWords>[1], string | undefined][] = [
  ['no HTTP at all: 400', 'HPE_INVALID_METHOD', CALLER, '400 Bad Request'],
  ['headers longer than a server reads: 431', 'HPE_HEADER_OVERFLOW', CALLER, '431 Request Header Fields Too Large'],
  ['a head that does not come in time: 408', 'ERR_HTTP_REQUEST_TIMEOUT', CALLER, '408 Request Timeout'],
  ['a body that does not come in time: 408, the request that is read has no answer yet', 'ERR_HTTP_REQUEST_TIMEOUT', answering(false, false), '408 Request Timeout'],
  ['a chunk that is none, after an answer has begun: nothing over it', 'HPE_INVALID_CHUNK_SIZE', answering(true, false), undefined],
  ['the next request is not HTTP, while the one before is in work: nothing in place of its answer', 'HPE_INVALID_METHOD', answering(false, true), undefined],
  ['nothing has come: nothing, or the next request would be answered by it', 'ERR_HTTP_REQUEST_TIMEOUT', { ...CALLER, bytesRead: 0 }, undefined],
  ['a client that reads no more: nothing', 'ECONNRESET', { ...CALLER, writable: false }, undefined],
];

describe('the last words on a connection', () => {
  for (const [sentence, code, caller, status] of ROWS) {
    it(sentence, () => {
      const words = lastWords(code, caller);
      expect(words?.split('\r\n')[0]).to.equal(status && `HTTP/1.1 ${status}`);
      if (words === undefined) return;
      const [head, body] = words.split('\r\n\r\n') as [string, string];
      expect(JSON.parse(body)).to.deep.equal({ message: `The request could not be read: ${status!.slice(4)}` });
      expect(head.split('\r\n')).to.include.members([`content-length: ${body.length}`, 'connection: close', 'content-type: application/json']);
    });
  }
});
