/** The names of the pod metrics that custom.metrics.k8s.io serves and the autoscaler reads. */
export const PODS_METRIC = {
  concurrency: 'penstock_concurrency',
  requestsPerSecond: 'penstock_requests_per_second',
} as const;
