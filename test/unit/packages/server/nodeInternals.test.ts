/** The private fields of node:http, on a real connection. */
import { responseInProgress, setKeepAliveTimeout, setWrittenHead, writtenHead } from '@penstock/server/nodeInternals';
import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, get, IncomingMessage, ServerResponse } from 'node:http';
import { Socket, type AddressInfo } from 'node:net';

describe('the private fields of node:http', () => {
  const server = createServer();
  before((done) => void server.listen(0, '127.0.0.1', done));
  after(() => void server.close().closeAllConnections());

  it('have the response of a connection until it is sent, and its head once it is written', async () => {
    const asked = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
    const client = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
    const [request, response] = await asked;
    const { socket } = request;
    expect(responseInProgress(socket)).to.equal(response);
    expect(writtenHead(response)).to.equal(null);
    response.writeHead(200, { a: 'b' });
    expect(writtenHead(response)).to.match(/^HTTP\/1\.1 200 OK\r\na: b\r\n/);
    response.end();
    await once(client, 'response');
    expect(responseInProgress(socket)).to.equal(undefined);
  });

  it('take a head in place of writeHead()', async () => {
    const asked = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
    const client = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
    const [, response] = await asked;
    setWrittenHead(response, 'HTTP/1.1 200 OK\r\nx-one: 1\r\ncontent-length: 0\r\n\r\n');
    response.end();
    const [answer] = (await once(client, 'response')) as [IncomingMessage];
    expect(answer.headers['x-one']).to.equal('1');
  });

  it('have the timeout of the header Keep-Alive', () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    response.shouldKeepAlive = true;
    setKeepAliveTimeout(response, 7_000);
    response.writeHead(200, ['content-length', '0']);
    expect(writtenHead(response)).to.contain('Keep-Alive: timeout=7\r\n');
  });
});
