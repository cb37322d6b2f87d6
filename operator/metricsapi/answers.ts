/** What custom.metrics.k8s.io/v1beta2 answers, as Kubernetes' own clients read it. */
import { PODS_METRIC } from '../api/podsMetric.ts';
import { timestamp } from '../api/units.ts';
import type { Reading } from '../scorers/stats.ts';

export const GROUP = 'custom.metrics.k8s.io';
export const VERSION = 'v1beta2';
export const GROUP_VERSION = `${GROUP}/${VERSION}`;
const WINDOW_SECONDS = 10;

/** Metrics of pods, by name. */
const VALUE: Record<string, (reading: Reading) => number> = {
  [PODS_METRIC.concurrency]: ({ stats }) => stats.concurrency,
  [PODS_METRIC.requestsPerSecond]: ({ stats }) => stats.requestsPerSecond,
};

export const isMetric = (name: string): boolean => Object.hasOwn(VALUE, name);

/** APIResourceList: what `kubectl get --raw /apis/custom.metrics.k8s.io/v1beta2` shows. */
export const resourceList = (): object => ({
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: GROUP_VERSION,
  resources: Object.keys(VALUE).map((name) => ({
    name: `pods/${name}`,
    singularName: '',
    namespaced: true,
    kind: 'MetricValueList',
    verbs: ['get'],
  })),
});

/** One value a pod, in thousandths as quantities have them, with the time at which it was read. */
export const metricValueList = (metric: string, readings: Reading[]): object => ({
  kind: 'MetricValueList',
  apiVersion: GROUP_VERSION,
  metadata: {},
  items: readings.map((reading) => ({
    describedObject: {
      kind: 'Pod',
      apiVersion: 'v1',
      namespace: reading.pod.metadata.namespace,
      name: reading.pod.metadata.name,
    },
    metric: { name: metric },
    timestamp: timestamp(reading.at),
    windowSeconds: WINDOW_SECONDS,
    value: `${Math.round(VALUE[metric]!(reading) * 1000)}m`,
  })),
});

/** A Status, as the API server would answer. */
export const failure = (code: number, reason: string, message: string): object => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  code,
});
