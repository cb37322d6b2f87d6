/** The worker thread: the only place for user code and ONNX Runtime. */
import { FAILURE } from '@penstock/contract';
import { parentPort, workerData } from 'node:worker_threads';
import type { ScorerConfig } from '../config.ts';
import { asFailure } from '../failure.ts';
import { rejection } from '../rejections.ts';
import { BadInput } from '../tensor/errors.ts';
import type { EncodedResponse } from '../protocols/messages.ts';
import { stackOf } from '../script/script.ts';
import { encode } from './responseCodec.ts';
import { ChunkSender } from './chunkSender.ts';
import type { WorkerResponse, FromWorker, Requests, ToWorker, Work } from './messages.ts';
import { provideChdir, writeSynchronously, type ChdirState } from './process.ts';
import { modelScoring, scriptScoring, type Scoring } from './scoring.ts';

/** A longer turn of the event loop delays responses that are ready. */
const MAX_TURN_MS = 5;

const config = workerData as ScorerConfig & { modelDir: string; turn: ChdirState };
const post = (message: FromWorker, transfer: ArrayBuffer[] = []): void => parentPort!.postMessage(message, transfer);
const chunks = new ChunkSender(post);

/** The content of the next message: all responses of one turn of the event loop. */
let responses: WorkerResponse[] = [];
let batches: number[] = [];
let taken = 0;
let posting = false;

function schedulePost(): void {
  if (posting) return;
  posting = true;
  queueMicrotask(() => {
    post(encode(responses, taken, batches));
    [responses, batches, taken, posting] = [[], [], 0, false];
  });
}

/**
 * One request of a message. `begun`: when it was started (performance.now()). `until`: its deadline (milliseconds since
 * the epoch).
 */
interface StartedRequest {
  id: number;
  work: Work;
  body: Uint8Array;
  begun: number;
  until: number;
}

async function response({ id, work, body, begun, until }: StartedRequest, scoring: Scoring): Promise<WorkerResponse> {
  if (Date.now() > until) {
    const { status, message } = rejection('requestTimeout', { milliseconds: config.requestTimeoutMs });
    return { id, status, body: message };
  }
  try {
    const done: EncodedResponse = await (work.kind === 'infer'
      ? scoring.infer(body, work)
      : scoring[work.kind](body, work.request));
    return done.chunks ? startChunks(id, done, begun) : { id, status: 200, runMs: performance.now() - begun, ...done };
  } catch (error) {
    if (error instanceof BadInput) return { id, status: error.status, body: error.message };
    return {
      id,
      status: 500,
      body: textOfError(error),
      stack: textOfError(error, stackOf),
      runMs: performance.now() - begun,
    };
  }
}

/** The head of a response whose chunks follow. */
function startChunks(
  id: number,
  { chunks: parts, release = () => undefined, ...head }: EncodedResponse,
  begun: number,
): WorkerResponse {
  void chunks.send(id, parts!, release);
  return { id, status: 200, runMs: performance.now() - begun, ...head, streamed: true };
}

/** A script may throw any value, also one that cannot be converted to a string. */
function textOfError(
  error: unknown,
  read = (value: unknown): unknown => (value instanceof Error ? value.message : value),
): string {
  try {
    return String(read(error));
  } catch {
    return 'run() threw a value that cannot be shown';
  }
}

/**
 * Starts the requests in one turn, so that their calls of a model are batched. A slow start yields, so that ready
 * responses are sent.
 */
async function runRequests([ids, ends, until, work, bytes]: Requests, scoring: Scoring): Promise<void> {
  let open = ids.length;
  let turn = performance.now();
  const end = (done: WorkerResponse): void => {
    responses.push(done);
    open -= 1;
    if (open === 0 && !scoring.async) taken += 1;
    schedulePost();
  };
  let from = 0;
  for (const [i, id] of ids.entries()) {
    let begun = performance.now();
    if (begun - turn > MAX_TURN_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      turn = begun = performance.now();
    }
    void response(
      { id, work: work[i]!, body: bytes.subarray(from, (from = ends[i]!)), begun, until: until[i]! },
      scoring,
    ).then(end);
  }
  if (scoring.async)
    setImmediate(() => {
      taken += 1;
      schedulePost();
    });
}

async function shutdown(scoring: Scoring): Promise<void> {
  await scoring
    .shutdown()
    .catch((error: unknown) => post({ type: 'log', level: 'error', message: `shutdown() failed: ${stackOf(error)}` }));
  post({ type: 'stopped' });
}

try {
  writeSynchronously();
  provideChdir(config.turn, (folder, call) => post({ type: 'chdir', folder, call }));
  const started = performance.now();
  const options = {
    threads: config.threads,
    maxBatchSize: config.maxBatchSize,
    joinUnknown: config.joinUnknown,
    onBatch: (rows: number) => batches.push(rows),
    onDisabled: (message: string) => post({ type: 'disabled', message }),
  };
  const scoring =
    config.script === undefined
      ? await modelScoring(config, options)
      : await scriptScoring(config.script, config, options);
  batches = []; // without the warm-up calls
  parentPort!.on('message', (message: ToWorker) => {
    if (Array.isArray(message)) void runRequests(message, scoring);
    else if (message.type === 'shutdown') void shutdown(scoring);
    else if (message.type === 'pull') chunks.grantCredit(message.id);
    else chunks.cancel(message.id);
  });
  const { signatures, wantsRequest, rawHttp, schemas, notes } = scoring;
  post({ type: 'ready', signatures, wantsRequest, rawHttp, schemas, notes, initMs: performance.now() - started });
} catch (error) {
  const { reason, message, detail } = asFailure(error, FAILURE.modelLoad);
  post({ type: 'failed', reason, message, detail });
}
