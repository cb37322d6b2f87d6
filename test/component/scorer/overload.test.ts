/** More than a scorer can do: who is told no, who is not harmed, and when it gives up. */
import { METRIC } from '@penstock/contract';
import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { ready, scorerPerTest, type Scorer } from '../../support/fixtures/scorer.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('a scorer under overload', function () {
  this.timeout(90_000);
  let scorer: Scorer;
  const start = scorerPerTest();
  const post = (body: string, signal?: AbortSignal) =>
    fetch(`${scorer.url}/score`, { method: 'POST', body, ...(signal && { signal }) });
  const seen = async (): Promise<number> => ((await (await post('count')).json()) as { seen: number }).seen;

  it('runs maxConcurrentRequests at a time; requests that wait too long get 429 with Retry-After', async () => {
    scorer = await start({
      script: 'echo.ts',
      env: { PENSTOCK_MAX_CONCURRENT_REQUESTS: '2', PENSTOCK_MAX_QUEUE_WAIT_MS: '300' },
    });
    const answers = await Promise.all(Array.from({ length: 6 }, () => post('wait1000')));
    const codes = answers.map(({ status }) => status).sort();
    expect(codes).to.deep.equal([200, 200, 429, 429, 429, 429]);
    const busy = answers.find(({ status }) => status === 429)!;
    expect(busy.headers.get('retry-after')).to.equal('1');
    expect(((await busy.json()) as { message: string }).message)
      .to.contain('busy')
      .and.to.contain('maxConcurrentRequests');
    expect((await post('after')).status).to.equal(200);
    expect(await (await fetch(`${scorer.operator}/metrics`)).text()).to.match(
      /penstock_rejected_total\{reason="busy",.*\} 4/,
    );
  });

  it('after a standstill, expired requests get 429, and running ones their response', async () => {
    scorer = await start({
      script: 'echo.ts',
      env: {
        PENSTOCK_REQUEST_TIMEOUT_MS: '2900',
        PENSTOCK_MAX_CONCURRENT_REQUESTS: '2',
        PENSTOCK_MAX_QUEUE_WAIT_MS: '200',
      },
    });
    // Requests in run() when the process stops have 0.8 s left. Requests that start only then would be too late.
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

  it('a request over its timeout gets 504, and frees its slot when its call returns', async () => {
    scorer = await start({
      script: 'echo.ts',
      env: { PENSTOCK_REQUEST_TIMEOUT_MS: '400', PENSTOCK_MAX_CONCURRENT_REQUESTS: '2' },
    });
    const [late, fine] = await Promise.all([post('wait900'), post('wait100')]);
    expect([late.status, fine.status]).to.deep.equal([504, 200]);
    await sleep(700);
    expect((await Promise.all([post('wait100'), post('wait100')])).map(({ status }) => status)).to.deep.equal([
      200, 200,
    ]);
    expect(scorer.process.exitCode).to.equal(null);
  });

  /** White space that packs to a seventieth. */
  const blanks = Buffer.alloc(15 * 2 ** 20, ' ');
  for (const [i, byte] of randomBytes(blanks.length / 64).entries()) blanks[i * 64] = ' \n\t\r'.charCodeAt(byte % 4);
  const large = Buffer.concat([Buffer.from('wait1000'), blanks]);
  for (const [how, body, headers] of [
    ['as they are', large, {}],
    ['as they unpack', gzipSync(large), { 'content-encoding': 'gzip' }],
  ] as const) {
    it(`bodies above 64 MiB in total, ${how}: 429, and the process stays`, async () => {
      // 15 MiB take a while on a busy machine, and this is about memory
      const env = { PENSTOCK_MAX_CONCURRENT_REQUESTS: '16', PENSTOCK_REQUEST_TIMEOUT_MS: '10000' };
      scorer = await start({ script: 'echo.ts', env });
      const send = (): Promise<Response> =>
        fetch(`${scorer.url}/score`, { method: 'POST', body: new Uint8Array(body), headers });
      const codes = (await Promise.all(Array.from({ length: 7 }, send))).map(({ status }) => status);
      expect(
        codes.filter((code) => code === 429),
        codes.join(),
      ).to.have.length.within(2, 3);
      expect((await post('after')).status).to.equal(200);
      expect((await send()).status, 'one that is alone').to.equal(200);
    });
  }

  it('bytes of uploads count: uploads that never end cannot fill the memory', async () => {
    scorer = await start({ script: 'echo.ts' });
    const part = Buffer.alloc(15 * 2 ** 20, ' ');
    const uploads = Array.from({ length: 5 }, () => {
      const socket = connect(Number(new URL(scorer.url).port), '127.0.0.1');
      socket.write(`POST /score HTTP/1.1\r\nhost: a\r\ncontent-length: ${part.length + 1}\r\n\r\n`);
      socket.write(part);
      return {
        socket,
        answer: new Promise<string>((resolve) => socket.once('data', (chunk: Buffer) => resolve(chunk.toString()))),
      };
    });
    expect((await Promise.race(uploads.map(({ answer }) => answer))).split('\r\n'))
      .to.include('HTTP/1.1 429 Too Many Requests')
      .and.to.include('retry-after: 1');
    expect((await post('a small one')).status).to.equal(200);
    for (const { socket } of uploads) socket.destroy();
    await sleep(200);
    expect((await post(part.toString())).status).to.equal(200);
  });

  it('slow blocking runs: each response is sent when it is ready, and no hang is detected', async () => {
    scorer = await start({
      script: 'blocks.ts',
      env: { PENSTOCK_REQUEST_TIMEOUT_MS: '2000', PENSTOCK_LEAST_HANG_MS: '1', PENSTOCK_MAX_QUEUE_WAIT_MS: '1900' },
    });
    const codes: Record<number, number> = {};
    const until = Date.now() + 9000;
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        while (Date.now() < until) {
          const { status } = await post('200');
          codes[status] = (codes[status] ?? 0) + 1;
        }
      }),
    );
    expect(codes[200], JSON.stringify(codes)).to.be.greaterThan(20); // 45 runs fit into the time
    expect(scorer.process.exitCode).to.equal(null);
  });

  it('a queued request is dropped when its client disconnects', async () => {
    scorer = await start({
      script: 'tensors.ts',
      env: {
        PENSTOCK_MAX_CONCURRENT_REQUESTS: '1',
        PENSTOCK_MAX_QUEUE_WAIT_MS: '10000',
        PENSTOCK_REQUEST_TIMEOUT_MS: '10000',
      },
    });
    const inProgress = async (): Promise<number> =>
      Number(
        new RegExp(`^${METRIC.requestsInProgress}\\b.* (\\d+)$`, 'm').exec(
          await (await fetch(`${scorer.operator}/metrics`)).text(),
        )![1],
      );
    const first = post('wait3000');
    await waitFor(async () => (await inProgress()) === 1);
    const leave = new AbortController();
    const gone = Promise.allSettled(Array.from({ length: 50 }, () => post('x', leave.signal)));
    await waitFor(async () => (await inProgress()) === 51);
    leave.abort();
    expect((await gone).every(({ status }) => status === 'rejected')).to.equal(true);
    await waitFor(async () => (await inProgress()) === 1);
    expect((await first).status).to.equal(200);
    expect(await seen()).to.equal(2); // the first, and the one that asks
  });

  it('an endless loop: 504, then the process ends with the reason', async () => {
    scorer = await start({
      script: 'tensors.ts',
      env: { PENSTOCK_REQUEST_TIMEOUT_MS: '300', PENSTOCK_LEAST_HANG_MS: '1500' },
    });
    const [loop, behind] = await Promise.all([post('loop'), sleep(100).then(() => post('x'))]);
    expect(loop.status).to.equal(504);
    expect(behind.status).to.be.oneOf([429, 504]);
    expect(await scorer.exited).to.equal(3);
    expect(scorer.log()).to.contain('ScriptHung: a call has not come back for 1.5 s');
  });

  for (const [how, settings, code, signal] of [
    ['hangs', { PENSTOCK_LEAST_HANG_MS: '1500' }, 3, undefined],
    ['is told to end', {}, 0, 'SIGTERM'],
  ] as const) {
    it(`a native call that cannot be stopped: a process that ${how} ends with ${code}`, async () => {
      scorer = await start({ script: 'native.ts', env: { PENSTOCK_REQUEST_TIMEOUT_MS: '300', ...settings } });
      expect((await post('loop')).status).to.equal(504);
      if (signal) scorer.process.kill(signal);
      expect(await scorer.exited).to.equal(code);
    });
  }

  describe('a request that outgrows its worker', () => {
    const GROW = `export function init() {}
    export async function run(raw) {
      if (raw === 'grow') for (const all = []; ;) all.push({ a: [all.length] });
      if (raw.startsWith('wait')) return new Promise((resolve) => setTimeout(resolve, Number(raw.slice(4)), raw));
      return raw === 'after' ? raw : JSON.stringify(JSON.parse(raw)).length;
    }`;
    const grown = (env: Record<string, string> = {}) =>
      start({ script: 'grow.ts', files: { 'grow.ts': GROW }, env: { PENSTOCK_REQUEST_TIMEOUT_MS: '20000', ...env } });

    it('gets 413, and another worker starts in the same process', async () => {
      scorer = await grown();
      const answer = await post('grow');
      expect(answer.status).to.equal(413);
      expect(((await answer.json()) as { message: string }).message).to.contain(
        'needs more memory than this endpoint has',
      );
      await ready(scorer);
      expect((await post('after')).status).to.equal(200);
      expect(scorer.log()).to.contain('RequestTooLarge');
      expect(await (await fetch(`${scorer.operator}/metrics`)).text()).to.match(
        /penstock_workers_replaced_total\{.*\} 1/,
      );
    });

    for (const [what, part] of [
      ['objects', '{},'],
      ['texts', '"\\u0000",'],
      ['fields', ''],
    ] as const) {
      it(`a body of 16 MiB of ${what} that a script parses: 200 or 413, and the process stays`, async () => {
        scorer = await grown();
        const many = (size: number): string =>
          part === ''
            ? `{${Array.from({ length: size / 12 }, (_, i) => `"${i.toString(36)}":{}`).join()}}`.slice(0, size)
            : `[${part.repeat(size / part.length - 2)}0]`;
        expect((await post(many(16 * 2 ** 20))).status).to.be.oneOf([200, 413]);
        await ready(scorer);
        expect((await post('after')).status).to.equal(200);
        expect(scorer.process.exitCode).to.equal(null);
      });
    }

    it('with other requests in the worker: all get 503, and queued ones are answered by the next worker', async () => {
      scorer = await grown({ PENSTOCK_MAX_CONCURRENT_REQUESTS: '2', PENSTOCK_MAX_QUEUE_WAIT_MS: '10000' });
      const inHand = post('wait15000');
      await sleep(200);
      const large = post('grow');
      await sleep(50);
      const waiting = post('after');
      const codes = (await Promise.all([inHand, large, waiting])).map(({ status }) => status);
      expect(codes.slice(0, 2)).to.deep.equal([503, 503]);
      expect(codes[2]).to.equal(200);
    });

    it('the pod is not Ready while its only worker is replaced', async () => {
      scorer = await start({
        script: 'slow.ts',
        files: {
          'slow.ts': GROW.replace(
            'export function init() {}',
            'export const init = () => new Promise((resolve) => setTimeout(resolve, 1500));',
          ),
        },
        env: { PENSTOCK_REQUEST_TIMEOUT_MS: '20000' },
      });
      expect((await post('grow')).status).to.equal(413);
      const answer = await fetch(`${scorer.operator}/readyz`);
      expect([answer.status, await answer.text()]).to.deep.equal([
        503,
        'no worker can take a request: the log says why, and another one starts\n',
      ]);
      await ready(scorer);
    });
  });
});
