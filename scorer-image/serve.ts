/** The command `serve`: loads the model, runs init(), serves HTTP, and drains on SIGTERM. */
import { FAILURE, LARGEST_BODIES, LOG_MESSAGE, type ScoringTest } from '@penstock/contract';
import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import type { ScorerConfig } from './config.ts';
import { asFailure, EXIT_CODE, StartFailure, writeTermination } from './failure.ts';
import { managementServer } from './http/managementServer.ts';
import { TrafficTable } from './http/trafficTable.ts';
import { KEEP_ALIVE_SECONDS } from './http/responseHead.ts';
import { inferenceServer } from './http/inferenceServer.ts';
import { Lifecycle } from './init/lifecycle.ts';
import { mismatch } from './init/scoringTest.ts';
import { InProgress, noneOf } from '@penstock/server/inProgress';
import { flushLogs } from '@penstock/server/logger';
import { logger } from './logger.ts';
import { Demand } from './metrics/demand.ts';
import { scorerMetrics } from './metrics/metrics.ts';
import type { Limits } from './run/requestQueue.ts';
import type { ResponseStream } from './run/responseStream.ts';
import type { ScoreResponse } from './run/messages.ts';
import { Dispatcher } from './run/dispatcher.ts';
import { pythonWorkers } from './run/pythonProcess.ts';
import { ServerReadiness } from './run/serverReadiness.ts';
import { serverWorkers } from './run/serverWorker.ts';
import { threadWorker, type ThreadCode } from './run/threadWorker.ts';
import { MAX_MESSAGES_IN_FLIGHT } from './run/workerHandle.ts';
import type { StartWorker } from './run/workerTransport.ts';

const SHUTDOWN_HOOK_MS = 2_000;
/**
 * Idle connections may send one more request for this long; its response has `Connection: close`. The header Keep-Alive
 * gave clients a shorter time.
 */
const KEEP_ALIVE_DRAIN_MS = KEEP_ALIVE_SECONDS * 1000;

/** How the worker thread is started. */
export type WorkerFile = Pick<ThreadCode, 'file' | 'execArgv'>;

/** How the process exits. `stuck`: a worker is in a native call that cannot be stopped. */
export interface ExitOutcome {
  code: number;
  stuck: boolean;
}

/** Resolves after SIGTERM and a drain, or after a failure. */
export async function serve(
  config: ScorerConfig,
  modelDir: string,
  worker: WorkerFile,
  stop: Promise<unknown>,
): Promise<ExitOutcome> {
  const lifecycle = new Lifecycle();
  const metrics = scorerMetrics({ pipeline: config.pipeline, revision: config.revision });
  const demand = new Demand(performance.now());
  const traffic = new TrafficTable(config.trafficDir);
  const [connections, responses, running] = [new InProgress(), new InProgress(), new InProgress()];
  let crash: (failure: StartFailure) => void = () => undefined;
  const crashed = new Promise<StartFailure>((resolve) => (crash = resolve));
  const workers = await workersOf(config, modelDir, worker);
  const dispatcher = new Dispatcher({
    startWorker: workers.start,
    workers: config.workers,
    limits: limitsOf(config),
    initTimeoutMs: config.initTimeoutMs,
    onCrash: crash,
    log: (level, message) => logger.log(level, message),
    onBatch: (rows) => metrics.batchSize.observe(rows),
    onDisabled: (message) => {
      logger.error(message);
      metrics.batchingDisabled.inc();
      lifecycle.warn(message);
    },
    onReplaced: (message) => {
      logger.error(message);
      metrics.workersReplaced.inc();
    },
    onLoad: (inFlight, now) => {
      demand.setInFlight(inFlight, now);
      running.set(inFlight);
    },
  });
  const deps = { config, dispatcher, lifecycle, traffic, metrics, demand, logger, responses };
  const user = inferenceServer(deps).on('connection', (socket) => {
    connections.add(1);
    socket.once('close', () => connections.add(-1));
  });
  const operator = managementServer({ ...deps, serverLostForMs: workers.lostForMs });
  // for relative paths to files beside the script
  if (config.script !== undefined) process.chdir(dirname(config.script));
  await traffic.open();
  await Promise.all([listen(user, config.userPort), listen(operator, config.operatorPort)]);
  logger.info(LOG_MESSAGE.initBegins);
  try {
    const starting = dispatcher.start().then(async (seconds) => {
      if (config.test) await runScoringTest(config.test, dispatcher);
      return seconds;
    });
    const failing = crashed.then((failure) => {
      throw failure;
    });
    const outcome = await Promise.race([starting, failing, stop.then(() => undefined)]);
    // stopped before it was Ready: nothing to drain
    if (outcome === undefined) return { code: 0, stuck: !(await dispatcher.stop(0)) };
    metrics.initDuration.set(outcome);
    metrics.queueDepth(() => dispatcher.waiting);
    lifecycle.to('Ready');
    demand.ready(performance.now());
    logger.info(LOG_MESSAGE.ready, { seconds: outcome });
    await Promise.race([failing, stop]);
    lifecycle.to('Draining');
    await drain(user, { connections, requests: [responses, running], requestTimeoutMs: config.requestTimeoutMs });
    return { code: 0, stuck: !(await dispatcher.stop(SHUTDOWN_HOOK_MS)) };
  } catch (error) {
    const failure = asFailure(error);
    lifecycle.to('Failed');
    logger.error(`${failure.reason}: ${failure.message}`, { detail: failure.detail });
    writeTermination(failure);
    const stuck = !(await dispatcher.stop(0));
    await flushLogs(logger);
    return { code: EXIT_CODE, stuck };
  } finally {
    lifecycle.to('Drained');
    await workers.close();
    traffic.close();
    user.close();
    operator.close();
  }
}

/**
 * How workers are started: Python processes for a script in Python, connections to a server of the user's own, else
 * threads.
 */
async function workersOf(
  config: ScorerConfig,
  modelDir: string,
  worker: WorkerFile,
): Promise<{ start: StartWorker; close: () => Promise<void>; lostForMs?: () => number }> {
  const { python, script, server, revision, workers } = config;
  if (python && script !== undefined) return pythonWorkers({ python, script, revision });
  const close = (): Promise<void> => Promise.resolve();
  if (server) {
    const readiness = new ServerReadiness(server);
    const closing = (): Promise<void> => Promise.resolve(readiness.close());
    return { start: serverWorkers(server, readiness), close: closing, lostForMs: () => readiness.lostForMs };
  }
  const heapMebibytes = Math.floor(getHeapStatistics().heap_size_limit / 2 ** 20 / workers);
  const start = threadWorker({ ...worker, heapMebibytes, data: { ...config, modelDir } });
  return { start, close };
}

/** Sends the request of scoring.test. Rejects with StartFailure when the response is not the expected one. */
async function runScoringTest(test: ScoringTest, dispatcher: Dispatcher): Promise<void> {
  const { answer, text } = await new Promise<{ answer: ScoreResponse; text: string | Promise<string> }>((resolve) => {
    dispatcher.dispatch({
      work: {
        kind: 'score',
        request: {
          method: 'POST',
          url: '/score',
          headers: { 'content-type': 'application/json' },
          requestId: 'scoring.test',
        },
      },
      body: Buffer.from(test.request),
      respond: (answer) => resolve({ answer, text: textOf(answer) }), // at once: chunks are not kept
    });
  });
  const problem =
    answer.status === 200 ? mismatch(test, await text) : `it was answered ${answer.status}: ${await text}`;
  if (problem !== undefined) throw new StartFailure(FAILURE.testFailed, `scoring.test: ${problem}`, answer.stack);
}

function textOf(answer: ScoreResponse): string | Promise<string> {
  if (answer.kind === 'rejected') return answer.message;
  return answer.stream ? readText(answer.stream) : Buffer.from(answer.body as string).toString();
}

/** All chunks of an answer; '' for one that breaks off. */
function readText(stream: ResponseStream): Promise<string> {
  const chunks: Uint8Array[] = [];
  return new Promise((resolve) =>
    stream.pipeTo({
      onChunk: (bytes) => {
        chunks.push(bytes);
        stream.more();
      },
      onEnd: (error) => resolve(error === undefined ? Buffer.concat(chunks).toString() : ''),
    }),
  );
}

/**
 * Limit of all bodies that are uploaded, queued or processed: what fits into a small pod beside a model, or four of the
 * largest bodies.
 */
const MIN_BODY_BYTES = 64 * 2 ** 20;

const limitsOf = ({
  maxConcurrentRequests,
  maxBatchSize,
  maxQueueWaitMs,
  requestTimeoutMs,
  hangMs,
  workers,
  maxRequestBytes,
  python,
  server,
}: ScorerConfig): Limits => ({
  maxConcurrent: maxConcurrentRequests,
  // A Python process or a connection has one request at the same time, so a message has one.
  batchSize:
    python || server
      ? 1
      : Math.min(maxBatchSize, Math.ceil(maxConcurrentRequests / (MAX_MESSAGES_IN_FLIGHT * workers))),
  maxQueueWaitMs,
  requestTimeoutMs,
  hangMs,
  maxBytes: Math.max(MIN_BODY_BYTES, LARGEST_BODIES * maxRequestBytes),
});

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => void server.once('error', reject).listen(port, () => resolve()));

/** Resolves when every request has its response, and idle connections had time to be closed by one. */
async function drain(
  server: Server,
  {
    connections,
    requests,
    requestTimeoutMs,
  }: { connections: InProgress; requests: InProgress[]; requestTimeoutMs: number },
): Promise<void> {
  const atMost = (done: Promise<void>, ms: number): Promise<void> =>
    Promise.race([done, sleep(ms, undefined, { ref: false })]);
  // New connections are accepted while there are open ones: a busy node may still route some here.
  await atMost(connections.none(), KEEP_ALIVE_DRAIN_MS);
  // close() of node:net only stops accepting. That of node:http would also cut idle connections, and a request that
  // arrives on one.
  NetServer.prototype.close.call(server);
  await atMost(noneOf(...requests), requestTimeoutMs);
  server.closeIdleConnections();
  await atMost(connections.none(), 500);
  server.closeAllConnections();
}
