/** `npm run quickstart`: from a bare machine to an autoscaled prediction, narrated. Leaves everything running. */
import { execa, type ResultPromise } from 'execa';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { up } from './cluster/cluster.ts';
import { kubeconfig, kubectl } from './cluster/kubectl.ts';
import { deploy } from './cluster/deploy.ts';
import { root } from './cluster/paths.ts';
import { Advice, main, say } from './cluster/say.ts';
import { tool } from './cluster/tools.ts';
import { freePort } from './cluster/ports.ts';

const NAMESPACE = 'quickstart';
const SCALE_UP_SECONDS = 180;
const inNamespace = (...args: string[]): Promise<string> => kubectl(['-n', NAMESPACE, ...args]);
const tell = (text: string): void => void process.stdout.write(`${text}\n`);
const background: ResultPromise[] = [];

process.once('SIGINT', () => {
  for (const child of background) child.kill();
  say('interrupted: nothing runs on but the cluster (npm run cluster -- down ends that)');
  process.exit(130);
});

async function step(title: string, work: () => Promise<void>): Promise<void> {
  const started = Date.now();
  tell(`\n▸ ${title}`);
  await work();
  tell(`  done in ${((Date.now() - started) / 1000).toFixed(0)} s`);
}

/** A loopback port that reaches the pipeline's Service for as long as this program runs. */
async function forward(pipeline: string): Promise<string> {
  const port = await freePort();
  const child = execa(await tool('kubectl'), ['-n', NAMESPACE, 'port-forward', `service/${pipeline}`, `${port}:80`], {
    env: { KUBECONFIG: kubeconfig },
    reject: false,
    stdout: 'ignore',
    stderr: 'ignore',
  });
  background.push(child as unknown as ResultPromise);
  const url = `http://127.0.0.1:${port}`;
  for (let i = 0; i < 100; i++) {
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return url;
    await sleep(100);
  }
  throw new Advice(`the port-forward to ${pipeline} did not come up`);
}

async function predict(url: string): Promise<void> {
  const answers = JSON.parse(readFileSync(join(root, 'examples/iris/training/answers.json'), 'utf8')) as {
    data: number[][];
    label: number[];
  };
  const body = JSON.stringify({ data: [answers.data[0], answers.data[149]] });
  tell(`  POST ${url}/score\n  ${body}`);
  const answer = await fetch(`${url}/score`, { method: 'POST', body });
  const text = await answer.text();
  tell(`  ${text}`);
  const { label } = JSON.parse(text) as { label: number[] };
  if (label[0] !== answers.label[0] || label[1] !== answers.label[149])
    throw new Advice('the prediction has other classes than the flowers');
  tell('  the classes of both flowers are right');
}

/** Eight requests at a time, bounded in number and time; sends to loopback only. */
async function scaleUp(url: string): Promise<void> {
  let requests = 0;
  let on = true;
  const client = async (): Promise<void> => {
    while (on && requests < 20_000) {
      requests += 1;
      await fetch(`${url}/score`, { method: 'POST', body: '{"customer": 7}' }).then(
        (answer) => answer.arrayBuffer(),
        () => sleep(50),
      );
    }
  };
  const clients = Array.from({ length: 8 }, client);
  let shown = '';
  try {
    for (const until = Date.now() + SCALE_UP_SECONDS * 1000; Date.now() < until; await sleep(1000)) {
      const summary = await inNamespace('get', 'ipl', 'lookup', '-o', 'jsonpath={.status.replicas.summary}');
      if (summary !== shown) say(`  replicas ${(shown = summary)} after ${requests} requests`);
      if (Number(summary.split('/')[0]) >= 2) return;
    }
    throw new Advice(`no second pod within ${SCALE_UP_SECONDS} s: see kubectl -n ${NAMESPACE} describe hpa`);
  } finally {
    on = false;
    await Promise.all(clients);
  }
}

await main(async () => {
  tell('Penstock: from nothing to an autoscaled prediction');
  await step('A Kubernetes cluster (kind)', up);
  await step('The operator, by helm', async () => void (await deploy()));
  await step('A trained model and a pipeline: kubectl apply', async () => {
    await kubectl(['create', 'namespace', NAMESPACE]).catch(() => undefined);
    tell(
      await inNamespace(
        'apply',
        '-f',
        join(root, 'examples/iris/01-model.yaml'),
        '-f',
        join(root, 'examples/iris/00-pipeline.yaml'),
      ),
    );
    tell(await inNamespace('wait', 'inferencepipeline/iris', '--for=condition=UpToDate', '--timeout=120s'));
    tell(await inNamespace('get', 'inferencepipelines,modelversions'));
  });
  await step('A prediction', async () => predict(await forward('iris')));
  await step('A scoring script in Python, and its prediction', async () => {
    tell(await inNamespace('apply', '-f', join(root, 'examples/score-py/pipeline.yaml')));
    await inNamespace('wait', 'inferencepipeline/nearest', '--for=condition=UpToDate', '--timeout=120s');
    await predict(await forward('nearest'));
  });
  await step('A script under load, until the autoscaler adds a pod: one for each two requests under way', async () => {
    tell(await inNamespace('apply', '-f', join(root, 'examples/scaling/pipeline.yaml')));
    await inNamespace('wait', 'inferencepipeline/lookup', '--for=condition=UpToDate', '--timeout=120s');
    await scaleUp(await forward('lookup'));
    tell(await inNamespace('get', 'inferencepipelines', '-o', 'wide'));
  });
  for (const child of background) child.kill();
  tell(`
Next:
  eval "$(npm run --silent cluster -- env)"              # kubectl and helm of this cluster
  kubectl -n ${NAMESPACE} get ipl -w                      # calm brings it back to one pod within a minute or two
  kubectl -n ${NAMESPACE} apply -f examples/iris-script/pipeline.yaml   # init() and run() in TypeScript
  npm run cluster -- down                                # takes everything away
`);
});
process.exit(process.exitCode ?? 0);
