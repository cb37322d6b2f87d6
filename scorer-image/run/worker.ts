/** The worker thread: user code and ONNX Runtime live here, and nowhere else. */
import { FAILURE } from '@penstock/contract';
import { parentPort, workerData } from 'node:worker_threads';
import type { ScorerConfig } from '../config.ts';
import { asFailure } from '../failure.ts';
import { BadInput } from '../load/json.ts';
import { stackOf } from '../load/script.ts';
import type { Answer, FromWorker, ToWorker, Work } from './messages.ts';
import { noCode, scripted, type Scoring } from './scoring.ts';

const config = workerData as ScorerConfig & { modelDir: string };
const say = (message: FromWorker): void => parentPort!.postMessage(message);

/** What goes out with the next message: what is ready in one turn goes together. */
let answers: Answer[] = [];
let batches: number[] = [];
let taken = 0;
let posting = false;

function post(): void {
  if (posting) return;
  posting = true;
  queueMicrotask(() => {
    say({ type: 'answers', answers, taken, batches });
    [answers, batches, taken, posting] = [[], [], 0, false];
  });
}

type Done = Pick<Answer, 'body' | 'jsonBytes' | 'headers'> & { status?: number };

async function answer(id: number, work: () => Promise<Done>): Promise<Answer> {
  const started = performance.now();
  try {
    const done = await work();
    return { id, status: 200, runMs: performance.now() - started, ...done };
  } catch (error) {
    if (error instanceof BadInput) return { id, status: error.status, body: error.message };
    return { id, status: 500, body: error instanceof Error ? error.message : String(error), stack: stackOf(error), runMs: performance.now() - started };
  }
}

const begin = (scoring: Scoring, work: Work, body: Uint8Array) => (): Promise<Done> => (work.kind === 'score' ? scoring.score(body, work.request) : scoring.infer(body, work));

function requests({ ids, ends, work, bytes }: Extract<ToWorker, { type: 'requests' }>, scoring: Scoring): void {
  let open = ids.length;
  ids.forEach((id, i) => {
    const body = bytes.subarray(i === 0 ? 0 : ends[i - 1]!, ends[i]);
    void answer(id, begin(scoring, work[i]!, body)).then((done) => {
      answers.push(done);
      open -= 1;
      if (open === 0 && !scoring.async) taken += 1;
      post();
    });
  });
  if (scoring.async) setImmediate(() => {
    taken += 1;
    post();
  });
}

async function shutdown(scoring: Scoring): Promise<void> {
  await scoring.shutdown().catch((error: unknown) => say({ type: 'log', level: 'error', message: `shutdown() failed: ${stackOf(error)}` }));
  say({ type: 'stopped' });
}

try {
  const started = performance.now();
  const options = { threads: config.threads, maxBatchSize: config.maxBatchSize, onBatch: (rows: number) => batches.push(rows) };
  const scoring = config.script === undefined ? await noCode(config, options) : await scripted(config.script, config, options);
  batches = []; // those that warmed the model
  parentPort!.on('message', (message: ToWorker) => (message.type === 'shutdown' ? void shutdown(scoring) : requests(message, scoring)));
  const { signatures, wantsRequest, rawHttp, schemas, notes } = scoring;
  say({ type: 'ready', signatures, wantsRequest, rawHttp, schemas, notes, initMs: performance.now() - started });
} catch (error) {
  const { reason, message, detail } = asFailure(error, FAILURE.modelLoad);
  say({ type: 'failed', reason, message, detail });
}
