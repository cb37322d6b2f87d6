/** What the environment variables of the operator and the activator mean, for docs/reference.md. */

/** By name. */
export const OPERATOR_VARIABLES: Record<string, string> = {
  KUBECONFIG: 'A kubeconfig file. Absent: the cluster of the pod.',
  POD_NAMESPACE: 'Namespace of the operator.',
  POD_NAME: 'Name of this replica in the Lease.',
  WATCH_NAMESPACES: 'The namespaces that are watched. Empty: all.',
  SCORER_IMAGE: 'The image of scorer pods.',
  SCORER_IMAGE_PULL_POLICY: 'Its pull policy.',
  SCORER_IMAGE_PULL_SECRETS: 'Its pull Secrets, which must exist in the namespaces of pipelines.',
  CLUSTER_DOMAIN: 'DNS domain of the cluster.',
  PRIVATE_SOURCES: '`false`: sources of models with private addresses are refused.',
  SCORER_UPDATE_POLICY:
    '`OnChange`: a new scorer image is for new revisions. `Immediate`: all pipelines get it, by rollouts.',
  SCORER_UPDATES_AT_ONCE: 'Pipelines that get a new scorer image at the same time.',
  ASSIGN_USER: '`false`: pods get no ids of user and group, because the cluster assigns them.',
  VERIFICATION: 'Where and how verification Jobs run, as in `spec.verification` of a ModelVersion.',
  PYTHON_IMAGES: 'Images for scripts in Python by its minor version, as JSON.',
  PYTHON_DEFAULT_VERSION: 'The version of Python where a pipeline names none.',
  PYTHON_INDEX_URL: 'URL of the Python package index. Absent: PyPI.',
  PYTHON_INDEX_SECRET: 'Secret in the namespace of a pipeline with username and password of the index.',
  PYTHON_CACHE_CLAIM: 'PersistentVolumeClaim in the namespace of a pipeline that keeps installed packages.',
  NPM_REGISTRY_URL: 'URL of the npm registry. Absent: scripts have no npm packages.',
  NPM_REGISTRY_SECRET: 'Secret in the namespace of a pipeline with the credentials of the registry.',
  PACKAGES_MAX_SIZE: 'Largest size of the packages of a pipeline, as a quantity.',
  SOURCES_HTTPS_PROXY: 'URL of the proxy for downloads of models and packages.',
  SOURCES_NO_PROXY: 'Hosts that are reached without the proxy, with commas between them.',
  SOURCES_CA_BUNDLE: 'Further certificate authorities for downloads, as PEM.',
  NETWORK_ACCESS:
    'Peers that may read the metrics of pods, and that may send requests. `null`: no NetworkPolicies are created.',
  HTTP_PORT: 'Port for health and metrics.',
  LOG_LEVEL: '`error`, `warn`, `info` or `debug`.',
  WORKERS: 'Concurrent reconciles of each controller.',
  METRICS_API: 'Whether the operator serves custom.metrics.k8s.io: `auto`, `true` or `false`.',
  METRICS_PORT: 'Port of the metrics API.',
  METRICS_SERVICE: 'Service of the metrics API.',
  METRICS_OWNER: 'ClusterRole that owns the APIService.',
  OPERATOR_DEPLOYMENT: 'Deployment of the operator, which `withdraw` scales to 0.',
  CALL_TIMEOUT_MS: 'Deadline of one call to the API server, in milliseconds.',
  WATCH_IDLE_MS: 'A watch without an event for this long is opened again, in milliseconds.',
  RESYNC_MS: 'Every object is reconciled at least this often, in milliseconds.',
};

/** By name. */
export const ACTIVATOR_VARIABLES: Record<string, string> = {
  KUBECONFIG: OPERATOR_VARIABLES.KUBECONFIG!,
  WATCH_NAMESPACES: OPERATOR_VARIABLES.WATCH_NAMESPACES!,
  HTTP_PORT: OPERATOR_VARIABLES.HTTP_PORT!,
  WATCH_IDLE_MS: OPERATOR_VARIABLES.WATCH_IDLE_MS!,
  LOG_LEVEL: OPERATOR_VARIABLES.LOG_LEVEL!,
  POD_IP: 'IP address of this pod, as EndpointSlices have it.',
};
