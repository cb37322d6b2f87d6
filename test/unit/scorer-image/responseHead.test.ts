/** Heads that Penstock writes have the same bytes as those of node:http; in other cases node:http writes them. */
import { expect } from 'chai';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { RequestContext } from '../../../scorer-image/http/requestContext.ts';
import { KEEP_ALIVE_SECONDS, commonHeaders, writeOkHead } from '../../../scorer-image/http/responseHead.ts';

const everywhere = commonHeaders(['x-penstock-revision', 'iris-1', 'x-ms-server-version', 'penstock/1']);
const own = ['x-request-id', 'an id\twith é', 'content-type', 'application/json', 'content-length', '2'];
const BODIES: Record<string, string | Buffer> = {
  ascii: '{"a": 1}',
  umlauts: '{"a": "Grün €"}',
  bytes: Buffer.from([0, 255, 10]),
  nothing: '',
};

describe('the head of an answer', () => {
  let server: Server;

  before((done) => {
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      const [, by, which] = request.url!.split('/');
      const body = BODIES[which!]!;
      if (by === 'ours')
        return new RequestContext(request, response, ['x-request-id', 'an id\twith é'], everywhere).send(200, body);
      const bytes = Buffer.from(body as string);
      response
        .writeHead(200, [
          ...everywhere.list,
          'x-request-id',
          'an id\twith é',
          'content-type',
          'application/json',
          'content-length',
          String(bytes.length),
        ])
        .end(bytes);
    };
    server = createServer({ keepAliveTimeout: KEEP_ALIVE_SECONDS * 1000 }, answer).listen(0, '127.0.0.1', done);
  });
  after((done) => void server.close(done));

  /** All that comes back for what is sent, until the server ends the connection; the time aside. */
  async function said(requests: string): Promise<string> {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('latin1');
    socket.write(requests);
    return (await text(socket)).replace(
      /Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n/g,
      'Date: now\r\n',
    );
  }
  const get = (path: string, version = '1.1', ...headers: string[]): string =>
    [`GET ${path} HTTP/${version}`, 'host: a', ...headers, '', ''].join('\r\n');
  const last = get('/node/ascii', '1.1', 'connection: close');

  for (const [what, requests] of [
    ['on a connection that is kept', (path: string) => get(path) + last],
    ['the second in the same packet', (path: string) => get('/node/ascii') + get(path) + last],
    [
      'for HTTP/1.0 that asks to be kept',
      (path: string) => get(path, '1.0', 'connection: keep-alive') + get('/node/ascii', '1.0'),
    ],
    ['for HTTP/1.0 that does not', (path: string) => get(path, '1.0')],
    ['for a client that says it is the last', (path: string) => get(path, '1.1', 'connection: close')],
  ] as const) {
    for (const body of Object.keys(BODIES)) {
      it(`${what}, with ${body}: the same bytes`, async () => {
        expect(await said(requests(`/ours/${body}`)))
          .to.equal(await said(requests(`/node/${body}`)))
          .and.to.contain('Date: now')
          .and.to.contain('an id\twith é');
      });
    }
  }

  it('is written by Penstock if the connection stays open, by node:http if it closes', () => {
    for (const shouldKeepAlive of [true, false])
      expect(writeOkHead({ _header: null, shouldKeepAlive } as unknown as ServerResponse, everywhere, own)).to.equal(
        shouldKeepAlive,
      );
  });

  it('a value with a line break is left to node:http, which refuses it', () => {
    const response = { _header: null, shouldKeepAlive: true } as unknown as ServerResponse;
    for (const value of ['a\r\nset-cookie: b', 'a\nb', 'a\0', '…'])
      expect(writeOkHead(response, everywhere, ['x-request-id', value]), value).to.equal(false);
    expect(response).to.deep.equal({ _header: null, shouldKeepAlive: true });
    expect(() => commonHeaders(['x-penstock-revision', 'a\r\nb'])).to.throw('Invalid character');
  });

  it('a response without the private field, or with a written head: node:http writes the head', () => {
    for (const _header of [undefined, 'HTTP/1.1 200 OK\r\n\r\n'])
      expect(writeOkHead({ _header, shouldKeepAlive: true } as unknown as ServerResponse, everywhere, own)).to.equal(
        false,
      );
  });
});
