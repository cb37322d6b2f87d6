/**
 * More connections that say nothing than a listener takes, at each of them: a good client is served meanwhile. 20,000
 * by `npm run test:hostile`.
 */
import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { healthServer } from '@penstock/server/healthServer';
import { rssMiB } from '../../perf/bench/figures.ts';
import { openDoor, type Door } from '../../support/fixtures/door.ts';
import { ready, startScorer, type Scorer } from '../../support/fixtures/scorer.ts';

/** At the ports for metrics, which take 128 or 256, and at those for requests, which take 8,000. */
const [FEW, MANY] =
  process.env.HOSTILE_CONNECTIONS === undefined
    ? [2_000, 9_000]
    : [Number(process.env.HOSTILE_CONNECTIONS), Number(process.env.HOSTILE_CONNECTIONS)];
/**
 * A process of its own, from another address, that opens them and says so when all have been opened; those that are
 * ended stay ended.
 */
const CROWD = `
  const { connect } = require('node:net');
  const [port, count] = process.argv.slice(1).map(Number);
  let opened = 0, ended = 0, open = 0;
  const next = () => {
    if (opened >= count) return;
    opened += 1;
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    socket.on('connect', () => { open += 1; next(); }).on('error', () => undefined).on('close', () => { ended += 1; next(); }).resume();
    if (opened === count) setTimeout(() => console.log(JSON.stringify({ opened, ended })), 500);
  };
  for (let i = 0; i < 200; i++) next();`;

describe('silent connections', function () {
  this.timeout(120_000);
  let crowd: ChildProcess | undefined;
  afterEach(() => void crowd?.kill('SIGKILL'));
  async function crowdAt(port: number, count: number): Promise<{ opened: number; ended: number }> {
    crowd = spawn(process.execPath, ['-e', CROWD, String(port), String(count)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return JSON.parse(String((await once(crowd.stdout!, 'data'))[0])) as { opened: number; ended: number };
  }
  const ask = (port: number, path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port, path, agent: false, timeout: 5_000 }, (response) =>
        resolve(response.resume().statusCode!),
      )
        .on('error', reject)
        .on('timeout', () => reject(new Error('no answer within 5 s')));
    });

  describe('at a scorer', () => {
    let scorer: Scorer;
    before(async () => {
      scorer = await startScorer({});
      await ready(scorer);
    });
    after(() => void scorer.process.kill('SIGKILL'));
    const portOf = (url: string): number => Number(new URL(url).port);

    it('port 8080: a request is answered, and the number of connections is limited', async () => {
      const { opened, ended } = await crowdAt(portOf(scorer.url), MANY);
      expect(opened - ended, 'that are open').to.be.at.most(8_500);
      expect(await ask(portOf(scorer.url), '/')).to.equal(200);
      expect(rssMiB(scorer.process)).to.be.lessThan(400);
    });
    it('port 9090: probes and Prometheus are answered', async () => {
      await crowdAt(portOf(scorer.operator), FEW);
      for (const path of ['/livez', '/readyz', '/metrics'])
        expect(await ask(portOf(scorer.operator), path)).to.equal(200);
    });
  });

  it('at health and metrics of operator and activator: probes are answered', async () => {
    const server = healthServer(
      { checks: { '/healthz': () => undefined }, registry: new Registry() },
      { connections: 128, keepAliveMs: 5_000 },
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await crowdAt(port, FEW);
    expect(await ask(port, '/healthz')).to.equal(200);
    server.close().closeAllConnections();
  });

  it('at a listener of the activator: its own requests and those of other namespaces are served', async () => {
    const pod: Server = createServer((_, response) => response.end('served')).listen(0, '127.0.0.1');
    await once(pod, 'listening');
    const { port: podPort } = pod.address() as AddressInfo;
    const full = await openDoor(podPort, 'full');
    const other: Door = await openDoor(podPort, 'other', full.slices, full.doors);
    await crowdAt(full.port, MANY);
    expect(await ask(full.port, '/score')).to.equal(200);
    expect(await ask(other.port, '/score')).to.equal(200);
    full.end();
    pod.close();
  });
});
