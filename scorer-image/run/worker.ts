/** The worker thread: user code and ONNX Runtime live here, and nowhere else. */
import { FAILURE, type ModelSignature } from '@penstock/contract';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { ScorerConfig } from '../config.ts';
import { asFailure, StartFailure } from '../failure.ts';
import { describe, loadScript, stackOf } from '../load/script.ts';
import { loadSession, type Session } from '../load/session.ts';
import { scriptContext } from './context.ts';
import type { Answer, FromWorker, ScoreRequest, ToWorker } from './messages.ts';
import { BadInput, inferTensors, scoreRows } from './noCode.ts';

/** How the two kinds of pipeline answer. */
interface Scoring {
  signatures: Record<string, ModelSignature>;
  score(body: Uint8Array, request: ScoreRequest): Promise<string>;
  infer(body: Uint8Array, model: string): Promise<string>;
  shutdown(): Promise<void>;
}

const config = workerData as ScorerConfig & { modelDir: string };
const utf8 = new TextDecoder('utf-8', { fatal: true });
const say = (message: FromWorker): void => parentPort!.postMessage(message);

function text(body: Uint8Array): string {
  try {
    return utf8.decode(body);
  } catch (error) {
    throw new BadInput(`Input cannot be decoded as UTF-8: ${(error as Error).message}`);
  }
}

function parse(body: Uint8Array): unknown {
  const source = text(body);
  try {
    return JSON.parse(source);
  } catch (error) {
    throw new BadInput(source.trim() === '' ? 'the body is empty, expected JSON' : `the body is not JSON: ${(error as Error).message}`);
  }
}

/** What JSON has no word for is null. */
function dumped(value: unknown): string {
  return value === undefined || typeof value === 'function' || typeof value === 'symbol' ? 'null' : JSON.stringify(value);
}

async function scripted(path: string): Promise<Scoring> {
  const script = await loadScript(path);
  try {
    await script.init(scriptContext(config.models, config.modelsDir, config.modelDir));
  } catch (error) {
    if (error instanceof StartFailure) throw error;
    throw new StartFailure(FAILURE.initFailed, describe(error, path), stackOf(error));
  }
  return {
    signatures: {},
    // As Azure's server: run() gets the raw body as a string, and what it returns is dumped as JSON, strings too.
    score: async (body, request) => dumped(await script.run(text(body), request)),
    infer: () => Promise.reject(new BadInput('this pipeline is served by a script: POST /score')),
    shutdown: async () => void (await script.shutdown?.()),
  };
}

async function noCode(): Promise<Scoring> {
  const model = config.models[0]!;
  const session: Session = await loadSession(join(config.modelsDir, model.name, model.file));
  return {
    signatures: { [model.name]: session.signature },
    score: (body) => scoreRows(parse(body), session),
    infer: (body) => inferTensors(parse(body), { name: model.name, version: model.version, session }),
    shutdown: () => Promise.resolve(),
  };
}

async function answer(work: () => Promise<string>): Promise<Answer> {
  const started = performance.now();
  try {
    return { status: 200, body: await work(), runMs: performance.now() - started };
  } catch (error) {
    if (error instanceof BadInput) return { status: 400, body: error.message };
    return { status: 500, body: error instanceof Error ? error.message : String(error), stack: stackOf(error), runMs: performance.now() - started };
  }
}

async function handle(message: ToWorker, scoring: Scoring): Promise<void> {
  if (message.type === 'shutdown') {
    await scoring.shutdown().catch((error: unknown) => say({ type: 'log', level: 'error', message: `shutdown() failed: ${stackOf(error)}` }));
    return say({ type: 'stopped' });
  }
  const work = message.type === 'score' ? () => scoring.score(message.body, message.request) : () => scoring.infer(message.body, message.model);
  say({ type: 'answer', id: message.id, answer: await answer(work) });
}

try {
  const started = performance.now();
  const scoring = config.script === undefined ? await noCode() : await scripted(config.script);
  parentPort!.on('message', (message: ToWorker) => void handle(message, scoring));
  say({ type: 'ready', signatures: scoring.signatures, initMs: performance.now() - started });
} catch (error) {
  const { reason, message, detail } = asFailure(error, FAILURE.modelLoad);
  say({ type: 'failed', reason, message, detail });
}
