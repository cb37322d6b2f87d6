/**
 * The scoring script of Azure ML's documentation on Penstock's scorer and on Azure ML's own inference server, with one
 * worker each, in turns. Part of `npm run bench`; alone: `npx tsx test/perf/bench/python.main.ts`.
 */
import { ENV, LOCAL_ENV } from '@penstock/contract';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../hack/cluster/ports.ts';
import { pythonWith } from '../../support/clients/venv.ts';
import { answersWith, startScorer } from '../../support/fixtures/scorer.ts';
import { waitFor } from '../../support/waitFor.ts';
import { inTurns, overHttp, type Measured, type Server } from './inTurns.ts';
import { verdict } from './figures.ts';
import { listens, post } from './load.ts';

const example = join(import.meta.dirname, '../../../examples/azure-score-py');
const PACKAGES = ['azureml-inference-server-http==1.5.1', 'joblib==1.6.0', 'numpy==2.4.6', 'scikit-learn==1.9.1'];
const CONNECTIONS = [1, 16, 64];
const SLICE_SECONDS = 0.5;
/** A model that takes little time, so that the servers are measured: a regression of the four sizes of a flower. */
const TRAIN = `
import sys, joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
data = load_iris()
joblib.dump(LogisticRegression(max_iter=1000).fit(data.data, data.target), sys.argv[1])
`;
const PENSTOCK = 'penstock';
const AZURE = 'azureml-inference-server-http';

const python = pythonWith(PACKAGES);
const models = mkdtempSync(join(tmpdir(), 'penstock-bench-'));
execFileSync(python, ['-c', TRAIN, join(models, 'your_model_file.pkl')]);
/** One thread for the model, because each server has one worker. */
const SHARED = { [ENV.modelDir]: models, OMP_NUM_THREADS: '1' };
const request = post('/score', JSON.stringify({ data: [[5.1, 3.5, 1.4, 0.2]] }));

async function penstock(): Promise<Server> {
  const scorer = await startScorer({
    script: 'score.py',
    files: { 'score.py': readFileSync(join(example, 'source/score.py')) },
    env: {
      ...SHARED,
      PATH: process.env.PATH!,
      [LOCAL_ENV.python]: python,
      [LOCAL_ENV.pythonSocket]: join(mkdtempSync(join(tmpdir(), 'penstock-bench-')), 's.sock'),
      [ENV.maxConcurrentRequests]: '256',
      [ENV.maxQueueWaitMs]: '20000',
      [ENV.requestTimeoutMs]: '20000',
      [ENV.initTimeoutMs]: '60000',
    },
  });
  await waitFor(() => answersWith(scorer, '/readyz', 200).then(() => true), 60_000);
  return { what: PENSTOCK, process: scorer.process, ask: overHttp(Number(new URL(scorer.url).port), request) };
}

async function azure(): Promise<Server> {
  const port = await freePort();
  const script = join(example, 'source/score.py');
  const child = spawn(join(python, '../azmlinfsrv'), ['--entry_script', script, '--port', String(port)], {
    env: { ...process.env, ...SHARED, PATH: `${join(python, '..')}:${process.env.PATH}`, WORKER_COUNT: '1' },
    stdio: 'ignore',
  });
  await listens(AZURE, { port, request }, 60_000);
  return { what: AZURE, process: child, ask: overHttp(port, request) };
}

const servers = [await azure(), await penstock()];
try {
  const results = new Map<number, Measured[]>();
  for (const connections of CONNECTIONS) {
    const measured = await inTurns(servers, connections, SLICE_SECONDS);
    results.set(connections, measured);
    for (const { what, perSecond, p50, cpuMicros } of measured)
      console.log(
        `c=${connections} ${what}: ${perSecond.toFixed(0)}/s, p50 ${p50.toFixed(2)} ms, CPU ${cpuMicros.toFixed(0)} µs`,
      );
  }
  const [of, ours] = [0, 1].map((i) => (connections: number) => results.get(connections)![i]!);
  for (const connections of [16, 64]) {
    console.log(verdict(`requests per second, c=${connections}, of ${AZURE}`, ours!(connections).ofFirst, '≥', 4));
    console.log(verdict(`CPU per request, c=${connections}, of ${AZURE}`, ours!(connections).cpuOfFirst, '≤', 0.45));
  }
  console.log(verdict(`p50, c=1, of ${AZURE}`, ours!(1).p50 / of!(1).p50, '≤', 0.6));
} finally {
  for (const { process: child } of servers) child.kill('SIGTERM');
}
