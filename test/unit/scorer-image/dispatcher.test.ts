/** The HTTP thread's side of the workers: early messages, and the order of requests and responses. */
import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartFailure } from '../../../scorer-image/failure.ts';
import type { Limits } from '../../../scorer-image/run/requestQueue.ts';
import type { ScoreResponse } from '../../../scorer-image/run/messages.ts';
import { encode } from '../../../scorer-image/run/responseCodec.ts';
import { Dispatcher } from '../../../scorer-image/run/dispatcher.ts';
import type { DispatcherOptions } from '../../../scorer-image/run/dispatcherOptions.ts';
import { threadWorker } from '../../../scorer-image/run/threadWorker.ts';

const limits = {
  maxConcurrent: 1,
  batchSize: 1,
  maxQueueWaitMs: 1000,
  requestTimeoutMs: 1000,
  hangMs: 1000,
  maxBytes: 1000,
};

const optionsOf = (own: Partial<Limits>): Omit<DispatcherOptions, 'startWorker'> => ({
  workers: 1,
  limits: { ...limits, ...own },
  initTimeoutMs: 5_000,
  onCrash: () => undefined,
  log: () => undefined,
  onBatch: () => undefined,
  onDisabled: () => undefined,
  onReplaced: () => undefined,
  onLoad: () => undefined,
});

/** A pool whose only worker runs `code`. */
const poolOf = (
  code: string,
  data: unknown,
  own: Partial<Limits> = {},
  listeners: Partial<DispatcherOptions> = {},
): Dispatcher =>
  new Dispatcher({
    ...optionsOf(own),
    startWorker: threadWorker({ file: new URL(`data:text/javascript,${encodeURIComponent(code)}`), data }),
    ...listeners,
  });
const READY = {
  type: 'ready',
  signatures: {},
  wantsRequest: false,
  rawHttp: false,
  schemas: {},
  notes: [],
  initMs: 250,
};

/** A pool whose only worker posts `message` at once. Resolves when it has posted it. */
async function poolOfOneThatSaid(message: unknown): Promise<Dispatcher> {
  const said = new Int32Array(new SharedArrayBuffer(4));
  const pool = poolOf(
    `import { parentPort, workerData } from 'node:worker_threads';
    if (workerData.message) parentPort.postMessage(workerData.message);
    Atomics.store(workerData.said, 0, 1);
    Atomics.notify(workerData.said, 0);`,
    { message, said },
  );
  await Atomics.waitAsync(said, 0, 0).value;
  await sleep(200); // the message has arrived, and the end of the worker, too
  return pool;
}

describe('a worker with a queue', () => {
  it('gets its next request before the response to the last one is written', async () => {
    const order: string[] = [];
    const pool = new Dispatcher({
      ...optionsOf({ maxConcurrent: 2 }),
      startWorker: ({ onMessage }) => {
        setImmediate(() => onMessage(READY as never));
        return {
          maxMessages: 1,
          post: (message) => {
            if (!Array.isArray(message)) return;
            const [[id], , , , body] = message;
            order.push(`sent ${Buffer.from(body).toString()}`);
            setImmediate(() => onMessage(encode([{ id: id!, status: 200, body: 'x', runMs: 1 }], 1, [])));
          },
          terminate: () => Promise.resolve(true),
        };
      },
    });
    await pool.start();
    const respond = (name: string): Promise<void> =>
      new Promise((resolve) => {
        pool.dispatch({
          work: { kind: 'score' },
          body: Buffer.from(name),
          respond: () => {
            order.push(`response to ${name}`);
            resolve();
          },
        });
      });
    await Promise.all(['a', 'b'].map(respond));
    expect(order).to.deep.equal(['sent a', 'sent b', 'response to a', 'response to b']);
    await pool.stop(0);
  });
});

describe('a worker that is faster than the server', () => {
  it('failed: start() rejects with its reason', async () => {
    const pool = await poolOfOneThatSaid({
      type: 'failed',
      reason: 'ScriptInitFailed',
      message: 'no such file',
      detail: '',
    });
    const failure = await pool.start().catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(StartFailure);
    expect(failure).to.include({ reason: 'ScriptInitFailed', message: 'no such file' });
    await pool.stop(0);
  });

  it('is ready: start() resolves with what init() took', async () => {
    const pool = await poolOfOneThatSaid(READY);
    expect(await pool.start()).to.equal(0.25);
    await pool.stop(0);
  });

  it('the worker ends without a message: start() rejects', async () => {
    const pool = await poolOfOneThatSaid(undefined);
    const failure = await pool.start().catch((error: unknown) => error);
    expect(failure).to.have.property('message', 'the script ended its own process (exit code 0)');
    await pool.stop(0);
  });
});

describe('a process that stands still', () => {
  const goesOn = new Int32Array(new SharedArrayBuffer(4));
  /** Ready; answers each request with `done`, as soon as the process goes on. */
  const stopsToo = `import { parentPort, workerData } from 'node:worker_threads';
    const answer = (ids) => parentPort.postMessage(['answers', 1, [], ids, ids.map(() => 0), ids.map((_, i) => 4 * (i + 1)), 'done'.repeat(ids.length), []]);
    parentPort.on('message', ([ids]) => {
      Atomics.wait(workerData.goesOn, 0, 0);
      setTimeout(() => answer(ids), 5);
    });
    parentPort.postMessage(${JSON.stringify(READY)});`;
  const standStill = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  let pool: Dispatcher;
  const go = (): void => {
    Atomics.store(goesOn, 0, 1);
    Atomics.notify(goesOn, 0);
  };
  beforeEach(async () => {
    goesOn[0] = 0;
    pool = poolOf(stopsToo, { goesOn }, { requestTimeoutMs: 300, hangMs: 60_000 });
    await pool.start();
  });
  const ask = (): Promise<ScoreResponse> =>
    new Promise((respond) => void pool.dispatch({ work: { kind: 'score' }, body: new Uint8Array(1), respond }));
  afterEach(() => pool.stop(0));

  it('a response that arrives after a standstill counts, however late it is', async () => {
    const answer = ask();
    await sleep(20); // it is out
    standStill(600);
    go();
    expect((await answer).status).to.equal(200);
  });

  it('a process that stands still again and again: the request still gets 504', async () => {
    const busy = setInterval(() => standStill(80), 1);
    const answer = await ask();
    clearInterval(busy);
    go();
    expect(answer.status).to.equal(504);
  });
});

describe('a worker that is busy with another request', () => {
  const busy = `import { parentPort } from 'node:worker_threads';
    parentPort.on('message', () => setTimeout(() => process.exit(1), 300));
    parentPort.postMessage(${JSON.stringify(READY)});`;
  const scored = (pool: Dispatcher, respond: (response: ScoreResponse) => void = () => undefined) =>
    pool.dispatch({ work: { kind: 'score' }, body: new Uint8Array(1), respond });

  it('a waiting client that disconnects is no longer counted as load', async () => {
    const loads: number[] = [];
    const pool = poolOf(busy, undefined, {}, { onLoad: (inFlight) => loads.push(inFlight) });
    await pool.start();
    scored(pool);
    const waiting = scored(pool)!;
    expect(loads.at(-1)).to.equal(2);
    pool.cancel(waiting);
    expect(loads.at(-1)).to.equal(1);
    await pool.stop(0);
  });

  it('when it ends, its request gets 500 and a waiting one gets 503', async () => {
    const pool = poolOf(busy, undefined, { maxQueueWaitMs: 60_000, requestTimeoutMs: 60_000 });
    await pool.start();
    const responses = await Promise.all(
      [1, 2].map(() => new Promise<ScoreResponse>((done) => void scored(pool, done))),
    );
    expect(responses.map(({ status }) => status)).to.deep.equal([500, 503]);
    await pool.stop(0);
  });
});

describe('a request behind another one in its worker', () => {
  it('does not count as a call that hangs while it waits there', async () => {
    const slow = `import { parentPort } from 'node:worker_threads';
      const halt = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
      parentPort.on('message', ([ids]) => (halt(), parentPort.postMessage(['answers', 1, [], ids, [0], [4], 'done', []])));
      parentPort.postMessage(${JSON.stringify(READY)});`;
    const own = { maxConcurrent: 8, hangMs: 2500, requestTimeoutMs: 60_000, maxQueueWaitMs: 60_000 };
    const pool = poolOf(slow, undefined, own);
    await pool.start();
    const scored = () =>
      new Promise<ScoreResponse>((respond) => {
        pool.dispatch({ work: { kind: 'score' }, body: new Uint8Array(1), respond });
      });
    const responses = await Promise.all([scored(), scored(), scored()]);
    expect(responses.map(({ status }) => status)).to.deep.equal([200, 200, 200]);
    await pool.stop(0);
  });
});

describe('requests that come in one turn', () => {
  it('are sent as soon as they fill a message', async () => {
    const code = `import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ([ids]) => parentPort.postMessage(['answers', 1, [], ids, ids.map(() => 0), ids.map((_, i) => i + 1), String(ids.length % 10).repeat(ids.length), []]));
      parentPort.postMessage(${JSON.stringify(READY)});`;
    const pool = poolOf(code, undefined, { maxConcurrent: 100, batchSize: 64, maxBytes: 10_000 });
    await pool.start();
    const tickets: unknown[] = [];
    const answers = await Promise.all(
      Array.from(
        { length: 40 },
        () =>
          new Promise<unknown>((resolve) => {
            const ticket = pool.dispatch({
              work: { kind: 'score' },
              body: new Uint8Array(1),
              respond: (response) => resolve(response.kind === 'result' && response.body),
            });
            tickets.push(ticket?.sent === undefined ? 'waits' : 'sent');
          }),
      ),
    );
    expect(tickets.filter((one) => one === 'sent').length, 'those that completed a message went with it').to.equal(2);
    expect(answers.map(String).join(''), 'sixteen, sixteen, and the other eight').to.equal(
      `${'6'.repeat(32)}${'8'.repeat(8)}`,
    );
    await pool.stop(0);
  });
});
