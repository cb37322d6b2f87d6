/**
 * Requests that are not valid HTTP, and connections without a request, on a server of node:http with short timeouts.
 */
import { rejectMalformedRequest } from '@penstock/server/malformedRequest';
import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeIfIdle } from '../../../../scorer-image/http/idleConnections.ts';

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

/**
 * Resolves when the connection has ended, also by a reset: a server may close it while bytes of the client are unread.
 */
const ended = (socket: Socket): Promise<string> =>
  new Promise((resolve) => socket.on('error', () => undefined).once('close', () => resolve('ended')));

/** Sends the texts one after the other; an empty text ends the client's side. Returns all that the server has sent. */
async function responseTo(port: number, ...texts: string[]): Promise<string> {
  let text = '';
  const socket = connect(port, '127.0.0.1').on('data', (chunk: Buffer) => (text += chunk.toString()));
  const closed = ended(socket);
  for (const part of texts) {
    if (part === '') socket.end();
    else socket.write(part);
    await sleep(50);
  }
  await closed;
  return text;
}

describe('a request that is not valid HTTP', function () {
  this.timeout(10_000);
  const waits: RequestListener = (request) => void request.resume();
  const begins: RequestListener = (request, response) =>
    void (request.resume(), response.writeHead(200), response.write('some'));
  const ROWS: [string, RequestListener, string[], string | undefined][] = [
    ['text that is not HTTP: 400', waits, ['nonsense\r\n\r\n'], '400 Bad Request'],
    [
      'headers over the limit: 431',
      waits,
      [`${POST}long: ${'x'.repeat(20_000)}\r\n\r\n`],
      '431 Request Header Fields Too Large',
    ],
    [
      'chunk extensions over the limit: 413',
      waits,
      [`${POST}transfer-encoding: chunked\r\n\r\n1;${'x'.repeat(20_000)}\r\n`],
      '413 Payload Too Large',
    ],
    ['an incomplete head: 408', waits, [POST], '408 Request Timeout'],
    ['an incomplete body: 408', waits, [`${POST}content-length: 2\r\n\r\n1`], '408 Request Timeout'],
    ['a client that ends its side within the head: 400', waits, [POST, ''], '400 Bad Request'],
    [
      'a client that ends its side within the body: no response',
      waits,
      [`${POST}content-length: 2\r\n\r\n1`, ''],
      undefined,
    ],
    ['an invalid chunk: 400', waits, [`${POST}transfer-encoding: chunked\r\n\r\nnone\r\n`], '400 Bad Request'],
    [
      'an invalid chunk after the response has begun: no second response',
      begins,
      [`${POST}transfer-encoding: chunked\r\n\r\n`, 'none\r\n'],
      undefined,
    ],
    [
      'an invalid second request while the first is in work: no response in place of the first one’s',
      waits,
      [`${POST}content-length: 0\r\n\r\n`, 'nonsense\r\n\r\n'],
      undefined,
    ],
    [
      'a connection without a request: no response, which the first request would take for its own',
      waits,
      [],
      undefined,
    ],
  ];
  for (const [sentence, listener, texts, status] of ROWS) {
    it(sentence, () =>
      served(listener, rejectMalformedRequest, async (port) => {
        const text = await responseTo(port, ...texts);
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

describe('a connection that is opened before its first request', function () {
  this.timeout(30_000);
  const KEPT_MS = 400;
  const keep: Refuse = (_, socket) => closeIfIdle(socket, KEPT_MS);
  const BY_THEN_MS = 10_000;
  const REQUEST = `${POST}content-length: 0\r\n\r\n`;

  it('is closed without a response when no request comes', () =>
    served(
      () => undefined,
      keep,
      async (port) => void expect(await responseTo(port)).to.equal(''),
    ));

  it('is closed when only an empty line comes', () =>
    served(
      () => undefined,
      keep,
      async (port) => {
        const socket = connect(port, '127.0.0.1');
        await sleep(DEADLINE_MS + 100);
        socket.write('\r\n'); // which HTTP allows before a request
        expect(await Promise.race([ended(socket.resume()), sleep(BY_THEN_MS)])).to.equal('ended');
      },
    ));

  for (const [sentence, ms] of [
    ['answered at once', 0],
    ['in work longer than the time for idle connections', 2 * KEPT_MS],
  ] as const) {
    it(`stays open when its request is ${sentence}`, () =>
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
