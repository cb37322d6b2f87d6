/** More than a scorer can do: who is told no, who is not harmed, and when it gives up. */
import { METRIC } from '@penstock/contract';
import { expect } from 'chai';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { scorerPerTest, type Scorer } from '../../fixtures/scorer.ts';
import { until } from '../../fixtures/until.ts';

describe('a scorer under too much', function () {
  this.timeout(30_000);
  let scorer: Scorer;
  const start = scorerPerTest();
  const post = (body: string, signal?: AbortSignal) => fetch(`${scorer.url}/score`, { method: 'POST', body, ...(signal && { signal }) });
  const seen = async (): Promise<number> => ((await (await post('count')).json()) as { seen: number }).seen;

  it('works on so many at a time; who waits too long gets 429 and when to come again; the others are answered', async () => {
    scorer = await start({ script: 'echo.ts', env: { PENSTOCK_MAX_CONCURRENT_REQUESTS: '2', PENSTOCK_MAX_QUEUE_WAIT_MS: '300' } });
    const answers = await Promise.all(Array.from({ length: 6 }, () => post('wait1000')));
    const codes = answers.map(({ status }) => status).sort();
    expect(codes).to.deep.equal([200, 200, 429, 429, 429, 429]);
    const busy = answers.find(({ status }) => status === 429)!;
    expect(busy.headers.get('retry-after')).to.equal('1');
    expect(((await busy.json()) as { message: string }).message).to.contain('busy').and.to.contain('maxConcurrentRequests');
    expect((await post('after')).status).to.equal(200);
    expect(await (await fetch(`${scorer.operator}/metrics`)).text()).to.match(/penstock_rejected_total\{reason="busy",.*\} 4/);
  });

  it('a process that stood still: those that waited meanwhile get 429 and never 504, and what was being answered is answered', async () => {
    scorer = await start({ script: 'echo.ts', env: { PENSTOCK_REQUEST_TIMEOUT_MS: '2900', PENSTOCK_MAX_CONCURRENT_REQUESTS: '2', PENSTOCK_MAX_QUEUE_WAIT_MS: '200' } });
    // Whoever is in run() when the process stops has 0.8 s to spare, for a machine that does other things, too; whoever began to run only then would be late.
    const codes: number[] = [];
    let over = false;
    let answered: () => void = () => undefined;
    const clients = Array.from({ length: 12 }, async () => {
      while (!over) {
        const { status } = await post('wait1500');
        codes.push(status);
        if (status === 200) answered();
      }
    });
    for (let stalls = 0; stalls < 2; stalls++) {
      await sleep(400);
      await new Promise<void>((resolve) => (answered = resolve));
      await sleep(400); // in the middle of the next two
      scorer.process.kill('SIGSTOP');
      await sleep(1500);
      scorer.process.kill('SIGCONT');
    }
    over = true;
    await Promise.all(clients);
    expect([...new Set(codes)].sort()).to.deep.equal([200, 429]);
  });

  it('one over its time gets 504 and harms nobody; its place is free when it is back', async () => {
    scorer = await start({ script: 'echo.ts', env: { PENSTOCK_REQUEST_TIMEOUT_MS: '400', PENSTOCK_MAX_CONCURRENT_REQUESTS: '2' } });
    const [late, fine] = await Promise.all([post('wait900'), post('wait100')]);
    expect([late.status, fine.status]).to.deep.equal([504, 200]);
    await sleep(700);
    expect((await Promise.all([post('wait100'), post('wait100')])).map(({ status }) => status)).to.deep.equal([200, 200]);
    expect(scorer.process.exitCode).to.equal(null);
  });

  const large = Buffer.from('wait1000' + ' '.repeat(15 * 2 ** 20));
  for (const [how, body, headers] of [['as they are', large, {}], ['as they unpack', gzipSync(large), { 'content-encoding': 'gzip' }]] as const) {
    it(`bodies are held up to 64 MiB, ${how}: more gets 429, and the process lives`, async () => {
      scorer = await start({ script: 'echo.ts', env: { PENSTOCK_MAX_CONCURRENT_REQUESTS: '16' } });
      const send = (): Promise<Response> => fetch(`${scorer.url}/score`, { method: 'POST', body: new Uint8Array(body), headers });
      const codes = (await Promise.all(Array.from({ length: 7 }, send))).map(({ status }) => status);
      expect(codes.filter((code) => code === 429), codes.join()).to.have.length.within(2, 3);
      expect((await post('after')).status).to.equal(200);
      expect((await send()).status, 'one that is alone').to.equal(200);
    });
  }

  it('bytes count while they arrive: uploads that never end cannot fill the memory', async () => {
    scorer = await start({ script: 'echo.ts' });
    const part = Buffer.alloc(15 * 2 ** 20, ' ');
    const uploads = Array.from({ length: 5 }, () => {
      const socket = connect(Number(new URL(scorer.url).port), '127.0.0.1');
      socket.write(`POST /score HTTP/1.1\r\nhost: a\r\ncontent-length: ${part.length + 1}\r\n\r\n`);
      socket.write(part);
      return { socket, answer: new Promise<string>((resolve) => socket.once('data', (chunk: Buffer) => resolve(chunk.toString()))) };
    });
    expect((await Promise.race(uploads.map(({ answer }) => answer))).split('\r\n')).to.include('HTTP/1.1 429 Too Many Requests').and.to.include('retry-after: 1');
    expect((await post('a small one')).status).to.equal(200);
    for (const { socket } of uploads) socket.destroy();
    await sleep(200);
    expect((await post(part.toString())).status).to.equal(200);
  });

  it('slow runs that block let each answer out when it is ready, and are no hang', async () => {
    scorer = await start({ script: 'blocks.ts', env: { PENSTOCK_REQUEST_TIMEOUT_MS: '2000', PENSTOCK_LEAST_HANG_MS: '1', PENSTOCK_MAX_QUEUE_WAIT_MS: '1900' } });
    const codes: Record<number, number> = {};
    const until = Date.now() + 9000;
    await Promise.all(Array.from({ length: 20 }, async () => {
      while (Date.now() < until) {
        const { status } = await post('200');
        codes[status] = (codes[status] ?? 0) + 1;
      }
    }));
    expect(codes[200], JSON.stringify(codes)).to.be.greaterThan(20); // 45 runs fit into the time
    expect(scorer.process.exitCode).to.equal(null);
  });

  it('what waits is dropped when its client goes', async () => {
    scorer = await start({ script: 'tensors.ts', env: { PENSTOCK_MAX_CONCURRENT_REQUESTS: '1', PENSTOCK_MAX_QUEUE_WAIT_MS: '10000', PENSTOCK_REQUEST_TIMEOUT_MS: '10000' } });
    const inProgress = async (): Promise<number> => Number(new RegExp(`^${METRIC.requestsInProgress}\\b.* (\\d+)$`, 'm').exec(await (await fetch(`${scorer.operator}/metrics`)).text())![1]);
    const first = post('wait3000');
    await until(async () => (await inProgress()) === 1);
    const leave = new AbortController();
    const gone = Promise.allSettled(Array.from({ length: 50 }, () => post('x', leave.signal)));
    await until(async () => (await inProgress()) === 51);
    leave.abort();
    expect((await gone).every(({ status }) => status === 'rejected')).to.equal(true);
    await until(async () => (await inProgress()) === 1);
    expect((await first).status).to.equal(200);
    expect(await seen()).to.equal(2); // the first, and the one that asks
  });

  it('an endless loop: 504 for its request, and then the process ends and says why', async () => {
    scorer = await start({ script: 'tensors.ts', env: { PENSTOCK_REQUEST_TIMEOUT_MS: '300', PENSTOCK_LEAST_HANG_MS: '1500' } });
    const [loop, behind] = await Promise.all([post('loop'), sleep(100).then(() => post('x'))]);
    expect(loop.status).to.equal(504);
    expect(behind.status).to.be.oneOf([429, 504]);
    expect(await scorer.exited).to.equal(3);
    expect(scorer.log()).to.contain('ScriptHung: a call has not come back for 1.5 s');
  });

  for (const [how, settings, code, signal] of [['hangs', { PENSTOCK_LEAST_HANG_MS: '1500' }, 3, undefined], ['is told to end', {}, 0, 'SIGTERM']] as const) {
    it(`a native call, which nothing can interrupt: a process that ${how} ends all the same, with ${code}`, async () => {
      scorer = await start({ script: 'native.ts', env: { PENSTOCK_REQUEST_TIMEOUT_MS: '300', ...settings } });
      expect((await post('loop')).status).to.equal(504);
      if (signal) scorer.process.kill(signal);
      expect(await scorer.exited).to.equal(code);
    });
  }
});
