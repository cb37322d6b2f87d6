/** The private fields of node:http, on a real connection. */
import { responseInProgress, writtenHead } from '@penstock/server/nodeInternals';
import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

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
});
