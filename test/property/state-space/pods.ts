/**
 * Deployment controller, garbage collector and kubelet in two strides: pods appear, then they are Ready or have failed.
 */
import { LABEL } from '../../../operator/api/labels.ts';
import type { Objects, Thing } from './server.ts';

type Env = { name: string; value?: string }[];
interface Template {
  metadata: { labels: Record<string, string> };
  spec: { containers: { env?: Env }[] };
}

/** The same objects when nothing is left to do. */
export function playPods(objects: Objects, version: number): { objects: Objects; version: number } {
  const changed: Record<string, Thing | undefined> = {};
  const pods = Object.entries(objects).filter(([, { kind }]) => kind === 'Pod');
  for (const deployment of Object.values(objects).filter(({ kind }) => kind === 'Deployment')) {
    const { template, replicas } = deployment.spec as { template: Template; replicas: number };
    for (let i = 0; i < replicas; i++) {
      const key = `Pod/${deployment.metadata.name}-${i}`;
      const pod = objects[key];
      if (!pod || pod.metadata.ownerReferences?.[0]?.uid !== deployment.metadata.uid)
        changed[key] = fresh(deployment, template, i);
      else if (!pod.status) changed[key] = { ...pod, status: grown(template) };
    }
  }
  for (const [key, pod] of pods) {
    const [of, i] = [
      objects[`Deployment/${pod.metadata.labels?.[LABEL.revision]}`],
      Number(key.slice(key.lastIndexOf('-') + 1)),
    ];
    if (!of || i >= Number(of.spec?.replicas)) changed[key] = undefined;
  }
  if (Object.keys(changed).length === 0) return { objects, version };
  const next: Record<string, Thing> = { ...objects };
  let counter = version;
  for (const [key, object] of Object.entries(changed)) {
    counter += 1;
    if (object)
      next[key] = {
        ...object,
        metadata: {
          ...object.metadata,
          resourceVersion: String(counter),
          uid: object.metadata.uid ?? `uid-${counter}`,
        },
      };
    else Reflect.deleteProperty(next, key);
  }
  return { objects: next, version: counter };
}

const fresh = ({ metadata }: Thing, template: Template, i: number): Thing => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `${metadata.name}-${i}`,
    namespace: 'ns',
    labels: template.metadata.labels,
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: metadata.name, uid: metadata.uid ?? '' }],
  },
});

function grown(template: Template): Record<string, unknown> {
  const fails = template.spec.containers[0]!.env?.some(({ name, value }) => name === 'STAGE' && value === 'init-fails');
  if (!fails)
    return {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-11-24T00:00:00Z' }],
      containerStatuses: [{ name: 'scorer', ready: true, restartCount: 0, state: { running: {} } }],
    };
  const terminated = { exitCode: 3, message: 'UserScriptInitFailed: no such file (score.ts:3)' };
  return {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: 'False' }],
    containerStatuses: [
      {
        name: 'scorer',
        ready: false,
        restartCount: 4,
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: { terminated },
      },
    ],
  };
}
