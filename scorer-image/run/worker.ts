/** The worker thread: user code and ONNX Runtime live here, and nowhere else. */
import { FAILURE } from '@penstock/contract';
import { parentPort, workerData } from 'node:worker_threads';
import type { ScorerConfig } from '../config.ts';
import { asFailure } from '../failure.ts';
import { BadInput } from '../load/json.ts';
import { stackOf } from '../load/script.ts';
import { packed, tooLate } from './answers.ts';
import { PieceSender, type Pieces } from './pieces.ts';
import type { Answer, FromWorker, Requests, ToWorker, Work } from './messages.ts';
import { provideChdir, writeAtOnce, type ChdirState } from './process.ts';
import { noCode, scripted, type Scoring } from './scoring.ts';

/** A turn of the event loop that took longer has kept answers waiting. */
const LONG_TURN_MS = 5;

const config = workerData as ScorerConfig & { modelDir: string; turn: ChdirState };
const say = (message: FromWorker, transfer: ArrayBuffer[] = []): void => parentPort!.postMessage(message, transfer);
const pieces = new PieceSender(say);

/** What goes out with the next message: what is ready in one turn goes together. */
let answers: Answer[] = [];
let batches: number[] = [];
let taken = 0;
let posting = false;

function post(): void {
  if (posting) return;
  posting = true;
  queueMicrotask(() => {
    say(packed(answers, taken, batches));
    [answers, batches, taken, posting] = [[], [], 0, false];
  });
}

/** One request of a message, begun at `begun` (performance.now()); nobody waits for its answer after `until` (milliseconds since the epoch). */
interface Begun {
  id: number;
  work: Work;
  body: Uint8Array;
  begun: number;
  until: number;
}

type Done = Pick<Answer, 'body' | 'jsonBytes' | 'headers'> & { status?: number; pieces?: Pieces; release?: () => void };

async function answer({ id, work, body, begun, until }: Begun, scoring: Scoring): Promise<Answer> {
  if (Date.now() > until) return { id, status: 504, body: tooLate(config) };
  try {
    const done: Done = await (work.kind === 'infer'
      ? scoring.infer(body, work)
      : scoring[work.kind](body, work.request));
    return done.pieces ? inPieces(id, done, begun) : { id, status: 200, runMs: performance.now() - begun, ...done };
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

/** The head of an answer, whose pieces follow it. */
function inPieces(id: number, { pieces: parts, release = () => undefined, ...head }: Done, begun: number): Answer {
  void pieces.send(id, parts!, release);
  return { id, status: 200, runMs: performance.now() - begun, ...head, streamed: true };
}

/** A script may throw anything, and what cannot be written cannot be sent. */
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

/** Begun one after the other in one turn, so that their calls of a model are joined; but slow ones let answers out in between. */
async function requests([ids, ends, until, work, bytes]: Requests, scoring: Scoring): Promise<void> {
  let open = ids.length;
  let turn = performance.now();
  const end = (done: Answer): void => {
    answers.push(done);
    open -= 1;
    if (open === 0 && !scoring.async) taken += 1;
    post();
  };
  let from = 0;
  for (const [i, id] of ids.entries()) {
    let begun = performance.now();
    if (begun - turn > LONG_TURN_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      turn = begun = performance.now();
    }
    void answer(
      { id, work: work[i]!, body: bytes.subarray(from, (from = ends[i]!)), begun, until: until[i]! },
      scoring,
    ).then(end);
  }
  if (scoring.async)
    setImmediate(() => {
      taken += 1;
      post();
    });
}

async function shutdown(scoring: Scoring): Promise<void> {
  await scoring
    .shutdown()
    .catch((error: unknown) => say({ type: 'log', level: 'error', message: `shutdown() failed: ${stackOf(error)}` }));
  say({ type: 'stopped' });
}

try {
  writeAtOnce();
  provideChdir(config.turn, (folder, call) => say({ type: 'chdir', folder, call }));
  const started = performance.now();
  const options = {
    threads: config.threads,
    maxBatchSize: config.maxBatchSize,
    joinUnknown: config.joinUnknown,
    onBatch: (rows: number) => batches.push(rows),
    onDisabled: (message: string) => say({ type: 'disabled', message }),
  };
  const scoring =
    config.script === undefined ? await noCode(config, options) : await scripted(config.script, config, options);
  batches = []; // those that warmed the model
  parentPort!.on('message', (message: ToWorker) => {
    if (Array.isArray(message)) void requests(message, scoring);
    else if (message.type === 'shutdown') void shutdown(scoring);
    else pieces[message.type](message.id);
  });
  const { signatures, wantsRequest, rawHttp, schemas, notes } = scoring;
  say({ type: 'ready', signatures, wantsRequest, rawHttp, schemas, notes, initMs: performance.now() - started });
} catch (error) {
  const { reason, message, detail } = asFailure(error, FAILURE.modelLoad);
  say({ type: 'failed', reason, message, detail });
}
