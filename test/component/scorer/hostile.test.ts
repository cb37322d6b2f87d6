/**
 * Ten thousand requests no client should send, and two thousand clients that hardly send anything; a million by `npm
 * run test:hostile`.
 */
import { expect } from 'chai';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { rssMiB } from '../../perf/bench/figures.ts';
import { load, post } from '../../perf/bench/load.ts';
import { ready, scorerPerTest, startScorer, type Scorer } from '../../support/fixtures/scorer.ts';
import { attack } from '../../property/fuzz/attack.ts';

const GOOD = post('/score', '{"data":[[5.1,3.5,1.4,0.2]]}');
const MIB_BACK = 20;

/** What comes first on a connection, be it its end. */
const firstWords = (socket: Socket): Promise<string> =>
  new Promise((resolve) =>
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString())).once('close', () => resolve('closed')),
  );

describe('hostile clients', function () {
  this.timeout(120_000);
  let scorer: Scorer;
  let port: number;
  const startOne = scorerPerTest();
  before(async () => {
    scorer = await startScorer({});
    await ready(scorer);
    port = Number(new URL(scorer.url).port);
  });
  after(() => void scorer.process.kill('SIGKILL'));
  const rss = (): number => rssMiB(scorer.process);

  it('10,000 malformed requests: each is answered by a 4xx in JSON or cut off; none crashes, hangs or makes a 5xx', async () => {
    await attack(port, { count: 10_000, seed: 1 }); // until then memory grows to what it needs
    const before = rss();
    const { problems, ends, requests } = await attack(port, { count: 10_000, seed: 2 });
    expect(problems).to.deep.equal([]);
    expect(requests).to.be.at.least(10_000);
    expect(Object.keys(ends).filter((end) => Number(end) >= 400).length, JSON.stringify(ends)).to.be.greaterThan(5);
    expect(scorer.process.exitCode).to.equal(null);
    expect(scorer.log()).not.to.contain('"level":"error"');
    await sleep(2000);
    expect(rss() - before, 'MiB more than before').to.be.lessThan(MIB_BACK);
  });

  it('2,000 slow clients: each is cut off within ten seconds or so, one that only stops hears why, and good ones never notice', async () => {
    const dripping = Array.from(
      { length: 2000 },
      (_, i): Promise<number> =>
        new Promise((resolve) => {
          const started = performance.now();
          const head = 'POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n';
          const socket: Socket = connect({ port, host: '127.0.0.1' }, () =>
            socket.write(i % 2 === 0 ? head : `${head}\r\n`),
          );
          const drip = setInterval(() => socket.write(i % 2 === 0 ? `x${Date.now()}: 1\r\n` : ' '), 1000);
          socket
            .on('error', () => undefined)
            .on('close', () => {
              clearInterval(drip);
              resolve((performance.now() - started) / 1000);
            })
            .resume();
        }),
    );
    const stops = connect({ port, host: '127.0.0.1' });
    stops.write(GOOD.subarray(0, -1));
    const why = firstWords(stops);
    const good = await load({ port, request: GOOD, connections: 8, seconds: 5 });
    expect(Object.keys(good.statuses)).to.deep.equal(['200']);
    expect(await why).to.match(/^HTTP\/1\.1 408 .*"message":"the body came too slowly/s);
    const seconds = await Promise.all(dripping);
    expect(Math.max(...seconds)).to.be.lessThan(14);
    expect(await (await fetch(`${scorer.operator}/metrics`)).text()).to.match(/penstock_requests_total\{code="408",/);
  });

  it('a connection opened in advance: no 408, and its request has ten seconds', async () => {
    const [whole, half] = [connect({ port, host: '127.0.0.1' }), connect({ port, host: '127.0.0.1' })];
    const heard = [whole, half].map(firstWords);
    expect(await Promise.race([...heard, sleep(11_500)])).to.equal(undefined);
    const started = performance.now();
    half.write(GOOD.subarray(0, 20));
    whole.write(GOOD);
    expect(await heard[0]).to.match(/^HTTP\/1\.1 200 /);
    expect(await heard[1]).to.match(/^HTTP\/1\.1 408 /);
    whole.destroy();
    expect((performance.now() - started) / 1000).to.be.within(9, 14);
  });

  it('a malformed chunk after the head: 400, and the process stays', async () => {
    const scripted = await startOne({ script: 'echo.ts' });
    const socket = connect({ port: Number(new URL(scripted.url).port), host: '127.0.0.1' });
    const heard = firstWords(socket);
    // which looks for a file of the script's
    socket.write('GET /swagger.json HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nnone\r\n');
    expect(await heard).to.match(/^HTTP\/1\.1 400 /);
    expect(await Promise.race([scripted.exited, sleep(500, 'lives')])).to.equal('lives');
  });
});
