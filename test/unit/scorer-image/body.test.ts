/** Request bodies over a real connection: complete or refused, with limits of size and decompression. */
import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { readBody } from '../../../scorer-image/http/body.ts';
import { rejection, type Rejection } from '../../../scorer-image/rejections.ts';

const MAX_BYTES = 4_000_000;

describe('the body of a request', () => {
  let server: Server;
  let received: number;
  let budget: number;
  /** Resolves with the result of the next request. */
  let result: Promise<{ rejected?: Rejection; body: Buffer }>;
  beforeEach((done) => {
    [received, budget] = [0, Infinity];
    const { promise, resolve } = Promise.withResolvers<{ rejected?: Rejection; body: Buffer }>();
    result = promise;
    server = createServer((incoming, response) => {
      const upload = {
        received: (bytes: number) => ((received += bytes) > budget ? rejection('tooManyBytes') : undefined),
        finish: () => undefined,
      };
      readBody(incoming, upload, { maxBytes: MAX_BYTES, graceMs: 60_000 }, (rejected, body) => {
        resolve({ ...(rejected && { rejected }), body });
        response.end();
      });
    }).listen(0, '127.0.0.1', done);
  });
  afterEach(() => void server.close().closeAllConnections());

  /** Sends these parts. Without a length the body is chunked. */
  async function send(parts: (string | Buffer)[], headers: Record<string, string> = {}) {
    const client = request({
      port: (server.address() as AddressInfo).port,
      host: '127.0.0.1',
      method: 'POST',
      headers,
    });
    client.on('error', () => undefined);
    for (const part of parts) {
      client.write(part);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    client.end();
    const { rejected, body } = await result;
    return rejected ? `${rejected.status} ${rejected.message}` : body.toString();
  }

  it('is whole, in one part, in several, or empty', async () =>
    expect(await send(['{"a"', ': 1}'])).to.equal('{"a": 1}'));
  it('may be empty', async () => expect(await send([])).to.equal(''));

  for (const [encoding, packed] of [
    ['gzip', gzipSync('text')],
    ['x-gzip', gzipSync('text')],
    [' GZIP ', gzipSync('text')],
    ['deflate', deflateSync('text')],
    ['identity', Buffer.from('text')],
  ] as const)
    it(`is decompressed: ${encoding}`, async () =>
      expect(await send([packed], { 'content-encoding': encoding })).to.equal('text'));

  for (const encoding of ['br', 'constructor'])
    it(`of the encoding ${encoding} gets 415`, async () =>
      expect(await send(['x'], { 'content-encoding': encoding })).to.equal(
        `415 Content-Encoding ${encoding} is not supported: send gzip, deflate or nothing`,
      ));

  it('that is not gzip gets 400', async () =>
    expect(await send(['no gzip'], { 'content-encoding': 'gzip' })).to.contain('400 the body is not gzip: '));

  it('above the limit gets 413 by its content-length, before it is read', async () => {
    const message = await send([], { 'content-length': String(MAX_BYTES + 1) });
    expect(message).to.equal(`413 the body is larger than ${MAX_BYTES} bytes (endpoint.maxRequestBytes)`);
    expect(received).to.equal(0);
  });

  it('above the limit gets 413 in chunks, too', async () =>
    expect(await send([Buffer.alloc(MAX_BYTES), Buffer.alloc(1)])).to.contain('413 the body is larger than'));

  it('above the limit when it is decompressed gets 413', async () => {
    const text = randomBytes(3_200_000).toString('base64'); // 4.3 MB, and 3.2 MB in gzip
    expect(await send([gzipSync(text)], { 'content-encoding': 'gzip' })).to.contain(
      '413 unpacked, the body is larger than',
    );
  });

  it('that grows more than a hundred times gets 413', async () =>
    expect(await send([gzipSync(Buffer.alloc(3_000_000))], { 'content-encoding': 'gzip' })).to.contain(
      '413 unpacked, the body is more than 100 times as large as it came',
    ));

  it('without memory for it gets 429', async () => {
    budget = 10;
    expect(await send(['x'.repeat(11)])).to.equal(`429 ${rejection('tooManyBytes').message}`);
  });

  it('counts both before and after decompression', async () => {
    const packed = gzipSync('text');
    await send([packed], { 'content-encoding': 'gzip' });
    expect(received).to.equal(packed.length + 4);
  });

  it('of a client that disconnects is never reported', async () => {
    const client = request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', method: 'POST' });
    client.on('error', () => undefined);
    client.write('x');
    await once(server, 'request');
    client.destroy();
    const late = new Promise((resolve) => setTimeout(() => resolve('nothing'), 100));
    expect(await Promise.race([result.then(() => 'reported'), late])).to.equal('nothing');
  });
});
