/** A server with few places: who connects and says nothing makes room for who asks. */
import { expect } from 'chai';
import { once } from 'node:events';
import { createServer as createHttp, request, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ConnectionLimit, fixedCapacity } from '@penstock/server/connectionLimit';
import { currentCertificate } from '../../../../operator/metricsapi/certificate.ts';

const PLACES = 10;
/** Loopback addresses: each client is another source. */
const [GOOD, SILENT] = ['127.0.0.1', '127.0.0.2'];

describe('a server that is full of silent connections', () => {
  let server: Server;
  let sockets: Socket[];
  let ended: number;
  const port = (): number => (server.address() as AddressInfo).port;
  const listen = async (made: Server): Promise<void> => {
    server = made;
    new ConnectionLimit(fixedCapacity(PLACES)).guard(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
  };
  const open = async (localAddress: string, text = ''): Promise<Socket> => {
    const socket = connect({ port: port(), host: '127.0.0.1', localAddress })
      .on('error', () => undefined)
      .on('close', () => (ended += 1));
    sockets.push(socket);
    await once(socket, 'connect');
    socket.write(text);
    return socket;
  };
  const crowd = (address: string): Promise<unknown> => Promise.all(Array.from({ length: 30 }, () => open(address)));
  const ask = (path = '/'): Promise<string> =>
    new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port: port(), path, agent: false, localAddress: GOOD }, (response) =>
        response.setEncoding('utf8').once('data', resolve),
      )
        .on('error', reject)
        .end();
    });
  const answer: Parameters<typeof createHttp>[1] = ({ url }, response) => {
    if (url !== '/slow') return void response.end('served');
    response.write('begun');
    setTimeout(() => response.end(), 300);
  };
  beforeEach(() => ([sockets, ended] = [[], 0]));
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
  });

  it('gives a key to a waiting worker at once', async () => {
    await listen(createHttp(answer));
    await crowd(SILENT);
    expect(await ask()).to.equal('served');
  });
  it('keeps no more connections than the limit', async () => {
    await listen(createHttp(answer));
    await crowd(SILENT);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(ended).to.equal(30 - PLACES);
  });
  it('closes one of the address with the most connections', async () => {
    await listen(createHttp(answer));
    const patient = await open(GOOD);
    await crowd(SILENT);
    expect(patient.destroyed).to.equal(false);
    patient.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    expect(String((await once(patient, 'data'))[0])).to.contain('200 OK');
  });
  it('closes a connection without any byte before an idle one of an address with more', async () => {
    await listen(createHttp(answer));
    const idle = await Promise.all(
      Array.from({ length: PLACES - 2 }, () => open(GOOD, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')),
    );
    await Promise.all(idle.map((socket) => once(socket, 'data')));
    await crowd(SILENT);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(idle.filter(({ destroyed }) => destroyed)).to.have.length(0);
  });
  it('closes no connection with a response in progress', async () => {
    await listen(createHttp(answer));
    const busy = await Promise.all(
      Array.from({ length: PLACES }, () => open(SILENT, 'GET /slow HTTP/1.1\r\nhost: x\r\n\r\n')),
    );
    await Promise.all(busy.map((socket) => once(socket, 'data')));
    const late = await open(SILENT);
    await once(late, 'close');
    expect(ended).to.equal(1);
  });
  it('is the same over TLS, before and after the handshake', async () => {
    const { cert, key } = await currentCertificate(undefined, 'localhost', Date.now());
    await listen(createHttps({ cert, key }, answer));
    await crowd(SILENT);
    const secure = connectTls({
      socket: connect({ port: port(), host: '127.0.0.1', localAddress: GOOD }),
      rejectUnauthorized: false,
    });
    await once(secure, 'secureConnect');
    secure.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(secure, 'data');
    await crowd(GOOD);
    const [rest] = (await once(secure, 'data')) as [Buffer];
    expect(rest.toString()).to.equal('0\r\n\r\n');
    secure.destroy();
  });
});
