/** What becomes of requests that cannot be read, and of connections on which none comes: over node's own server, with short deadlines. */
import { rejectMalformedRequest } from '@penstock/contract';
import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeIfIdle } from '../../scorer-image/http/idleConnections.ts';

const DEADLINE_MS = 600;
const POST = 'POST / HTTP/1.1\r\nhost: a\r\n';

type Refuse = (code: string | undefined, socket: Socket) => void;

async function served(listener: RequestListener, refuse: Refuse, test: (port: number) => Promise<void>): Promise<void> {
  const server: Server = createServer(
    { headersTimeout: DEADLINE_MS, requestTimeout: DEADLINE_MS, connectionsCheckingInterval: 50 },
    listener,
  );
  server
    .on('clientError', ({ code }: NodeJS.ErrnoException, socket) => refuse(code, socket as Socket))
    .listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await test((server.address() as AddressInfo).port);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** All that comes back until the connection ends; an empty text is the client's end. */
async function heard(port: number, ...texts: string[]): Promise<string> {
  let text = '';
  const socket = connect(port, '127.0.0.1').on('data', (chunk: Buffer) => (text += chunk.toString()));
  const closed = once(socket, 'close');
  for (const part of texts) {
    if (part === '') socket.end();
    else socket.write(part);
    await sleep(50);
  }
  await closed;
  return text;
}

describe('a request that cannot be read', function () {
  this.timeout(10_000);
  const waits: RequestListener = (request) => void request.resume();
  const begins: RequestListener = (request, response) =>
    void (request.resume(), response.writeHead(200), response.write('some'));
  const ROWS: [string, RequestListener, string[], string | undefined][] = [
    ['no HTTP at all: 400', waits, ['nonsense\r\n\r\n'], '400 Bad Request'],
    [
      'headers longer than a server reads: 431',
      waits,
      [`${POST}long: ${'x'.repeat(20_000)}\r\n\r\n`],
      '431 Request Header Fields Too Large',
    ],
    [
      'extensions of a chunk longer than a server reads: 413',
      waits,
      [`${POST}transfer-encoding: chunked\r\n\r\n1;${'x'.repeat(20_000)}\r\n`],
      '413 Payload Too Large',
    ],
    ['a head that stops: 408', waits, [POST], '408 Request Timeout'],
    ['a body that stops: 408', waits, [`${POST}content-length: 2\r\n\r\n1`], '408 Request Timeout'],
    ['a client that leaves in the middle of a head: 400, it may still read', waits, [POST, ''], '400 Bad Request'],
    [
      'a client that leaves in the middle of a body has left',
      waits,
      [`${POST}content-length: 2\r\n\r\n1`, ''],
      undefined,
    ],
    ['a chunk that is none: 400', waits, [`${POST}transfer-encoding: chunked\r\n\r\nnone\r\n`], '400 Bad Request'],
    [
      'a chunk that is none, after its answer has begun: nothing over that',
      begins,
      [`${POST}transfer-encoding: chunked\r\n\r\n`, 'none\r\n'],
      undefined,
    ],
    [
      'the next request is none, while the one before is in work: nothing in place of that one’s answer',
      waits,
      [`${POST}content-length: 0\r\n\r\n`, 'nonsense\r\n\r\n'],
      undefined,
    ],
    ['nothing comes: nothing, or the next request would take it for its answer', waits, [], undefined],
  ];
  for (const [sentence, listener, texts, status] of ROWS) {
    it(sentence, () =>
      served(listener, rejectMalformedRequest, async (port) => {
        const text = await heard(port, ...texts);
        if (status === undefined) return void expect(text).not.to.contain('could not be read');
        const [head, body] = text.split('\r\n\r\n') as [string, string];
        expect(head.split('\r\n')).to.include.members([
          `HTTP/1.1 ${status}`,
          'content-type: application/json',
          'connection: close',
        ]);
        expect(JSON.parse(body)).to.deep.equal({ message: `The request could not be read: ${status.slice(4)}` });
      }),
    );
  }
});

describe('a connection opened ahead of its first request', function () {
  this.timeout(10_000);
  const KEPT_MS = 400;
  const keep: Refuse = (_, socket) => closeIfIdle(socket, KEPT_MS);
  const BY_THEN_MS = DEADLINE_MS + KEPT_MS + 500;
  const REQUEST = `${POST}content-length: 0\r\n\r\n`;

  it('on which nothing ever comes ends without a word', () =>
    served(
      () => undefined,
      keep,
      async (port) => void expect(await heard(port)).to.equal(''),
    ));

  it('on which something comes that is no request ends all the same', () =>
    served(
      () => undefined,
      keep,
      async (port) => {
        const socket = connect(port, '127.0.0.1');
        await sleep(DEADLINE_MS + 100);
        socket.write('\r\n'); // which HTTP allows before a request
        expect(await Promise.race([once(socket.resume(), 'close').then(() => 'ended'), sleep(BY_THEN_MS)])).to.equal(
          'ended',
        );
      },
    ));

  for (const [sentence, ms] of [
    ['answered at once', 0],
    ['still in work when an idle one would end', 2 * KEPT_MS],
  ] as const) {
    it(`whose request is ${sentence} is a connection like any other`, () =>
      served(
        (_, response) => setTimeout(() => response.end('fine'), ms),
        keep,
        async (port) => {
          const socket = connect(port, '127.0.0.1');
          await sleep(DEADLINE_MS + 100);
          for (let i = 0; i < 2; i++) {
            socket.write(REQUEST);
            const [answer] = (await once(socket, 'data')) as [Buffer];
            expect(answer.toString())
              .to.match(/^HTTP\/1\.1 200 /)
              .and.to.match(/fine$/);
            await sleep(KEPT_MS);
          }
          socket.destroy();
        },
      ));
  }
});
