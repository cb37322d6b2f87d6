/**
 * Many pipelines in one burst on a real API server (no kubelet): how long, at what cost, and how it grows with their
 * number.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { KIND } from '../../../operator/api/kinds.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { ModelVersion } from '../../../operator/api/types.gen.ts';
import { verificationKey } from '../../../operator/desired/verifyJob.ts';
import { startControlPlane } from '../../../hack/cluster/controlPlane.ts';
import { root } from '../../../hack/cluster/paths.ts';
import { say } from '../../../hack/cluster/say.ts';
import { pooled } from '../../property/fault-injection/main.ts';
import { SCRIPT } from '../../property/fault-injection/workloads.ts';
import { writesByKind } from '../../support/fixtures/metrics.ts';
import { waitFor } from '../../support/waitFor.ts';
import { Admin } from '../../support/control-plane/admin.ts';
import { bundle, kubeconfigFor, startOperator, type OperatorProcess } from '../../support/control-plane/operators.ts';
import { BARE, bareChildren, bareWrites } from './bare.ts';
import { cpuSeconds, peakMiB, percentile } from './figures.ts';
import { healing, type Healing } from './healing.ts';
import { join } from 'node:path';
import * as yaml from 'js-yaml';

const NAMESPACE = 'scale';
const CLIENTS = 32;
const ONE_BY_ONE = 400;
/** MiB: a tenth of one for each pipeline, and never less than the chart's memory limit gives. */
const heapFor = (pipelines: number): number => Math.max(128, Math.ceil(pipelines / 10));

export interface ScaleReport {
  pipelines: number;
  /** From the first creation until every Deployment is there and every status is written. */
  burstSeconds: number;
  createSeconds: number;
  /** The same writes by a bare loop, without a watch. */
  bareSeconds: number;
  cpuSeconds: number;
  peakMiB: number;
  /** Writes by kind, of one pipeline. */
  writes: Record<string, number>;
  restartWrites: number;
  restartSeconds: number;
  latencyMs: Latency;
  healingMs: Healing;
}

/** `bare`: of the same children by a loop that only writes them, in between. */
interface Latency {
  p50: number;
  p99: number;
  bare: { p50: number; p99: number };
}

export async function scale(pipelines: number): Promise<ScaleReport> {
  const plane = await startControlPlane();
  const admin = new Admin(plane.kubeconfig);
  try {
    const kubectl = (args: string[]): string =>
      execFileSync(plane.kubectl, args, { env: { ...process.env, KUBECONFIG: plane.kubeconfig }, encoding: 'utf8' });
    kubectl([
      'apply',
      '--server-side',
      '-f',
      join(root, 'crds/inferencepipelines.yaml'),
      '-f',
      join(root, 'crds/modelversions.yaml'),
    ]);
    kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=20s']);
    for (const namespace of [NAMESPACE, BARE, 'penstock-system']) await admin.namespace(namespace);
    await pooled(
      Array.from({ length: 2 * pipelines }, (_, i) => i),
      CLIENTS,
      (i) => verifiedModel(admin, i),
    );
    say(`${2 * pipelines} ModelVersions are there`);

    const { kubeconfig } = kubeconfigFor(serverOf(plane.kubeconfig), tokenOf(plane.kubeconfig));
    const program = await bundle([]);
    const start = (): Promise<OperatorProcess> =>
      startOperator({ bundle: program, kubeconfig, identity: 'bench', heapMiB: heapFor(pipelines) });
    let operator = await start();
    await until(async () => (await operator.metrics()).includes('penstock_operator_leader 1'));
    const cpuBefore = cpuSeconds(operator.child);
    const started = performance.now();
    await pooled(
      Array.from({ length: pipelines }, (_, i) => i),
      CLIENTS,
      (i) => admin.create(pipeline(`p-${i}`, i)),
    );
    const createSeconds = (performance.now() - started) / 1000;
    await until(async () => await finished(operator, pipelines));
    const burstSeconds = (performance.now() - started) / 1000;
    const cpu = cpuSeconds(operator.child) - cpuBefore;
    const writes = Object.fromEntries(
      Object.entries(await writesOf(operator)).map(([kind, count]) => [
        kind,
        Math.round((count / pipelines) * 100) / 100,
      ]),
    );
    const peak = Math.round(peakMiB(operator.child));
    say(`${pipelines} pipelines in ${burstSeconds.toFixed(1)} s, ${cpu.toFixed(1)} CPU s, ${peak} MiB`);

    await sleep(3000);
    const latencyMs = await latency(admin, pipelines);
    const healingMs = await healing(admin, NAMESPACE);
    await operator.end('SIGTERM');
    const again = performance.now();
    operator = await start();
    await until(async () => (await operator.metrics()).includes('penstock_operator_leader 1'));
    const restartSeconds = (performance.now() - again) / 1000;
    await sleep(10_000);
    const restartWrites = Object.values(await writesOf(operator)).reduce((sum, count) => sum + count, 0);
    await operator.end('SIGKILL');
    const bareSeconds = await bareWrites(admin, { namespace: NAMESPACE, pipelines, clients: CLIENTS });
    return {
      pipelines,
      burstSeconds,
      createSeconds,
      bareSeconds,
      cpuSeconds: cpu,
      peakMiB: peak,
      writes,
      restartWrites,
      restartSeconds,
      latencyMs,
      healingMs,
    };
  } finally {
    await admin.close();
    await plane.stop();
  }
}

/** A model version as it is once it was verified: verification is the cluster's speed, not the operator's. */
async function verifiedModel(admin: Admin, i: number): Promise<void> {
  const made = (await admin.create({
    apiVersion: 'penstock.dev/v1alpha1',
    kind: 'ModelVersion',
    metadata: { name: `m-${i}`, namespace: NAMESPACE },
    spec: { model: 'm', version: String(i), format: 'Files', source: { uri: 'configmap://bytes/m.bin' } },
  } as KubeObject)) as unknown as ModelVersion;
  const status = {
    observedGeneration: 1,
    digest: `sha256:${'a'.repeat(64)}`,
    sizeBytes: 5,
    verifiedSource: verificationKey(made),
    usedBy: { count: 0 },
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Verified',
        message: '',
        observedGeneration: 1,
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ],
  };
  await admin.merge(KIND.modelVersion, NAMESPACE, `m-${i}`, { subresource: 'status', body: { status } });
}

const pipeline = (name: string, i: number): KubeObject =>
  ({
    apiVersion: 'penstock.dev/v1alpha1',
    kind: 'InferencePipeline',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      target: 'Development',
      models: [
        { name: 'a', modelVersion: `m-${2 * i}` },
        { name: 'b', modelVersion: `m-${2 * i + 1}` },
      ],
      scoring: { script: SCRIPT },
    },
  }) as KubeObject;

/** By the operator's own count of writes, so that asking costs the API server nothing. */
async function finished(operator: OperatorProcess, pipelines: number): Promise<boolean> {
  const writes = await writesOf(operator);
  return (writes['POST Deployment'] ?? 0) >= pipelines && (writes['PATCH InferencePipeline/status'] ?? 0) >= pipelines;
}

/**
 * From the answer to a creation until the Deployment is seen, one pipeline at a time, beside all the others; in turns
 * with the same children by a bare loop.
 */
async function latency(admin: Admin, present: number): Promise<Latency> {
  const stop = new AbortController();
  const waiting = new Map<string, (at: number) => void>();
  const seen = (deployment: string): Promise<number> => new Promise((resolve) => waiting.set(deployment, resolve));
  void admin.follow(KIND.deployment, stop.signal, (type, { metadata }) => {
    if (type === 'ADDED')
      (waiting.get(metadata.name) ?? waiting.get(metadata.name.replace(/-[0-9a-f]{8}$/, '')))?.(performance.now());
  });
  const bare = await bareChildren(admin, NAMESPACE);
  await sleep(2000);
  const [times, bareTimes]: [number[], number[]] = [[], []];
  for (let i = 0; i < ONE_BY_ONE; i++) {
    const ours = seen(`one-${i}`);
    // models that another pipeline uses already
    await admin.create(pipeline(`one-${i}`, Math.floor((i * present) / ONE_BY_ONE)));
    const answered = performance.now();
    times.push(Math.max(0, (await ours) - answered));
    await sleep(40);
    const theirs = seen(bare.deploymentOf(i));
    const begun = performance.now();
    await bare.make(i);
    bareTimes.push((await theirs) - begun);
  }
  stop.abort();
  const figures = (all: number[]): { p50: number; p99: number } => ({
    p50: percentile(all, 50),
    p99: percentile(all, 99),
  });
  return { ...figures(times), bare: figures(bareTimes) };
}

const writesOf = async (operator: OperatorProcess): Promise<Record<string, number>> =>
  writesByKind(await operator.metrics());

/** Asked seldom, since asking costs the operator, too. */
const until = (check: () => Promise<boolean>): Promise<unknown> => waitFor(check, 600_000, { everyMs: 200 });

interface Config {
  clusters: { cluster: { server: string } }[];
  users: { user: { token: string } }[];
}
const config = (file: string): Config => yaml.load(readFileSync(file, 'utf8')) as Config;
const serverOf = (file: string): string => config(file).clusters[0]!.cluster.server;
const tokenOf = (file: string): string => config(file).users[0]!.user.token;
