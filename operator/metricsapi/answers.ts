/** Response bodies of custom.metrics.k8s.io/v1beta2. */
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

/** The APIResourceList for discovery. */
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

/** One value per pod, in milli-units, with the time at which it was read. */
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

/** A Status object, as the API server returns it. */
export const failure = (code: number, reason: string, message: string): object => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  code,
});
