/** Metrics of pods that custom.metrics.k8s.io serves: the autoscaler asks for them by name. */
export const PODS_METRIC = {
  concurrency: 'penstock_concurrency',
  requestsPerSecond: 'penstock_requests_per_second',
} as const;
