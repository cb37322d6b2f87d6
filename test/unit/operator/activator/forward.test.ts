/** A request that the activator forwards to a pod, over real connections of loopback. */
import { systemClock } from '@penstock/server/clock';
import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, request, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { BufferedRequest } from '../../../../operator/activator/bufferedRequest.ts';
import { forward } from '../../../../operator/activator/forward.ts';

const servers: Server[] = [];

async function portOf(handler: RequestListener): Promise<number> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Asks an activator that forwards to a pod with this handler. */
async function ask(pod: RequestListener | undefined, headers: Record<string, string> = {}, idleMs?: number) {
  const podPort = pod ? await portOf(pod) : 1;
  const reached: Promise<boolean>[] = [];
  const activator = await portOf((incoming, response) => {
    const target = { address: '127.0.0.1', port: podPort, requestTimeoutMs: 50 };
    reached.push(forward(new BufferedRequest(incoming, response, systemClock), target, idleMs));
    void reached[0]!.then((was) => was || response.destroy());
  });
  const client = request({ host: '127.0.0.1', port: activator, method: 'POST', path: '/score?a=b', headers });
  client.end('body');
  const [answer] = (await once(client, 'response').catch(() => [undefined])) as [
    import('node:http').IncomingMessage | undefined,
  ];
  return { status: answer?.statusCode, body: answer && (await text(answer)), reached: await reached[0]! };
}

describe('a request that the activator forwards', () => {
  after(() => {
    for (const server of servers) server.close().closeAllConnections();
  });

  it('reaches the pod unchanged, without hop-by-hop headers', async () => {
    const asked = Promise.withResolvers<unknown>();
    const { status, body, reached } = await ask(
      (incoming, response) => {
        const { method, url, headers } = incoming;
        void text(incoming).then((sent) => asked.resolve([method, url, headers['x-one'], headers.expect, sent]));
        response.writeHead(201).end('made');
      },
      { 'x-one': '1', expect: '100-continue' },
    );
    expect(await asked.promise).to.deep.equal(['POST', '/score?a=b', '1', undefined, 'body']);
    expect([status, body, reached]).to.deep.equal([201, 'made', true]);
  });

  it('gets 502 from a pod that takes it and never responds', async () => {
    const { status, body, reached } = await ask(() => undefined, {}, 50);
    expect([status, reached]).to.deep.equal([502, true]);
    expect(body).to.contain('broke before it responded');
  });

  it('gets 502 where the pod breaks the connection', async () => {
    const { status, reached } = await ask((incoming) => incoming.socket.destroy());
    expect([status, reached]).to.deep.equal([502, true]);
  });

  it('may be tried again where no connection could be made', async () => {
    expect(await ask(undefined)).to.include({ status: undefined, reached: false });
  });
});
