// Printed from crds/ by `npm run generate`: edit the YAML, not this file.
import type {Affinity} from 'kubernetes-types/core/v1.js';
import type {ObjectMeta} from './objects.ts';

/**
 * A trained model, the script that scores with it and where it runs, served as one REST endpoint that scales by itself.
 */
export interface InferencePipeline {
  apiVersion: 'penstock.dev/v1alpha1';
  kind: 'InferencePipeline';
  metadata: ObjectMeta;
  spec: InferencePipelineSpec;
  status?: InferencePipelineStatus;
}
/**
 * What should serve.
 */
export interface InferencePipelineSpec {
  /**
   * Where the endpoint stands: Development (Azure Container Instances: one small pod, no key, errors with stack traces), Production (AKS: 2 to 10 pods, keys, disruption budget) or Managed (managed endpoints: as Production, with 0 to 10 pods and none after 10 minutes without a request). Sets every default below; a field that is set wins.
   */
  target: 'Development' | 'Production' | 'Managed';
  /**
   * The models this pipeline loads, each a ModelVersion of the same namespace.
   *
   * @maxItems 16
   */
  models?: PipelineModel[];
  scoring?: Scoring;
  environment?: Environment;
  resources?: Resources;
  scaling?: Scaling;
  endpoint?: Endpoint;
  rollout?: Rollout;
  placement?: Placement;
  podMetadata?: PodMetadata;
  /**
   * ServiceAccount of the pods, for image pull secrets and policies; its token is never mounted. Default the namespace's default account.
   */
  serviceAccountName?: string;
}
export interface PipelineModel {
  /**
   * Name of the model in the script and of its folder.
   */
  name: string;
  /**
   * Name of a ModelVersion of this namespace.
   */
  modelVersion: string;
}
/**
 * How requests are scored. Without a script exactly one ONNX model is served as it is.
 */
export interface Scoring {
  /**
   * JavaScript or TypeScript source that exports init() and run(rawData); longer ones go to scriptFrom.
   */
  script?: string;
  scriptFrom?: ScriptFrom;
  test?: ScoringTest;
  /**
   * Rows that one call of an ONNX model takes at most when requests that come together share it; 1: each request by itself. A value above 1 also lets requests share the calls of a model whose rows are Unknown (status.rows of its ModelVersion). Default 64.
   */
  maxBatchSize?: number;
}
/**
 * The script as a key of a ConfigMap of this namespace; every key is mounted beside it, so a script may import siblings (768 KiB together).
 */
export interface ScriptFrom {
  configMap: ConfigMapKey;
}
export interface ConfigMapKey {
  /**
   * Name of the ConfigMap.
   */
  name: string;
  /**
   * Key of the entry script, for example score.ts.
   */
  key: string;
}
/**
 * A request that each pod scores after init() and before it is Ready; a wrong answer fails the pod, and with it the revision.
 */
export interface ScoringTest {
  /**
   * Body of a POST to /score, for example {"data": [[5.1, 3.5, 1.4, 0.2]]}.
   */
  request: string;
  /**
   * JSON that the answer must have: each field and value of it. Absent: any answer with status 200.
   */
  expect?: string;
  /**
   * How far numbers may be off, absolutely or relatively. Default "1e-5".
   */
  tolerance?: string;
}
/**
 * What the script finds around it.
 */
export interface Environment {
  /**
   * Environment variables of the scorer container, as in a pod.
   *
   * @maxItems 100
   */
  variables?: Variable[];
}
export interface Variable {
  /**
   * Name of the variable.
   */
  name: string;
  /**
   * Its value.
   */
  value?: string;
  valueFrom?: ValueFrom;
}
/**
 * Where the value comes from, in this namespace.
 */
export interface ValueFrom {
  secretKeyRef?: KeyRef;
  configMapKeyRef?: KeyRef;
}
/**
 * One key of a Secret or ConfigMap.
 */
export interface KeyRef {
  /**
   * Name of the object.
   */
  name: string;
  /**
   * Its key.
   */
  key: string;
  /**
   * True: the variable is left out when the object or key is missing.
   */
  optional?: boolean;
}
/**
 * Requests and limits of the scorer container. A limit that is set lowers a preset request above it.
 */
export interface Resources {
  /**
   * Quantities by resource name.
   */
  requests?: {
    [k: string]: number | string;
  };
  /**
   * Quantities by resource name.
   */
  limits?: {
    [k: string]: number | string;
  };
}
/**
 * How many pods serve. With minReplicas below maxReplicas a HorizontalPodAutoscaler decides.
 */
export interface Scaling {
  /**
   * Least number of pods. Development 1, Production 2, Managed 0. At 0 the last pod goes after scaleToZeroAfter, and a request brings one back. Raises a preset maximum below it.
   */
  minReplicas?: number;
  /**
   * Greatest number of pods. Development 1, Production and Managed 10. Lowers a preset minimum above it.
   */
  maxReplicas?: number;
  /**
   * What the autoscaler looks at; the metric that asks for the most pods wins. Default Concurrency at 4, or at maxConcurrentRequests where that is less.
   *
   * @minItems 1
   * @maxItems 2
   */
  metrics?: ScalingMetric[];
  /**
   * How long load must stay low before pods are removed. Default 60s.
   */
  scaleDownDelay?: string;
  /**
   * How long no request may have come before the last pod goes, where minReplicas is 0. Requests that come then are held until a pod is Ready. Default 10m.
   */
  scaleToZeroAfter?: string;
}
export interface ScalingMetric {
  /**
   * Concurrency: requests in work, waiting and refused, as the pods count them over ten seconds; needs nothing else. CPU: use as a percentage of the CPU request; needs metrics-server.
   */
  type: 'Concurrency' | 'CPU';
  /**
   * Requests that the average pod should have under way; at most endpoint.maxConcurrentRequests.
   */
  averageValue?: number;
  /**
   * Percent of the CPU request that the average pod should use.
   */
  averageUtilization?: number;
}
/**
 * How clients reach the pipeline.
 */
export interface Endpoint {
  auth?: Auth;
  /**
   * How long one request may take before the client gets 504. Default 5s.
   */
  requestTimeout?: string;
  /**
   * How long the script's init() may take. Default 5m.
   */
  initTimeout?: string;
  /**
   * Requests that a pod works on at the same time; others wait. Default 16.
   */
  maxConcurrentRequests?: number;
  /**
   * How long a request waits for a place before the client gets 429. Default 500ms.
   */
  maxQueueWait?: string;
  /**
   * Largest body of a request, also unpacked, for example 64Mi. A pod holds four of them, or 64Mi, whichever is more. At most a quarter of the memory limit. Default 16Mi.
   */
  maxRequestBytes?: string;
}
/**
 * Who may call.
 */
export interface Auth {
  /**
   * None: anyone who reaches the Service. Key: one of two keys as a bearer token, kept in the Secret NAME-keys. Default: Development None, Production and Managed Key.
   */
  mode?: 'None' | 'Key';
}
/**
 * How a change reaches the clients.
 */
export interface Rollout {
  /**
   * Immediate: all traffic goes to the new revision once as many pods of it are Ready as serve now.
   */
  strategy?: 'Immediate';
  /**
   * A new revision that makes no progress for this long is abandoned and the old one serves on. Default 10m.
   */
  progressDeadline?: string;
  /**
   * How many old revisions are kept to go back to. Default 5.
   */
  revisionHistoryLimit?: number;
}
/**
 * Which nodes may run the pods.
 */
export interface Placement {
  /**
   * Labels a node must have.
   */
  nodeSelector?: {
    [k: string]: string;
  };
  /**
   * Taints the pods bear, as in a pod.
   *
   * @maxItems 50
   */
  tolerations?: Toleration[];
  /**
   * Affinity of the pods, as in a pod: the fields are those of Kubernetes.
   */
  affinity?: Affinity;
  /**
   * PriorityClass of the pods.
   */
  priorityClassName?: string;
}
export interface Toleration {
  /**
   * Taint key.
   */
  key?: string;
  /**
   * Relation of key and value.
   */
  operator?: 'Exists' | 'Equal';
  /**
   * Taint value.
   */
  value?: string;
  /**
   * Taint effect.
   */
  effect?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
  /**
   * How long a NoExecute taint is borne.
   */
  tolerationSeconds?: number;
}
/**
 * Labels and annotations that the pods carry beside Penstock's.
 */
export interface PodMetadata {
  /**
   * Labels of the pods.
   */
  labels?: {
    [k: string]: string;
  };
  /**
   * Annotations of the pods.
   */
  annotations?: {
    [k: string]: string;
  };
}
/**
 * What serves, and what stands in the way.
 */
export interface InferencePipelineStatus {
  /**
   * The generation that this status is about.
   */
  observedGeneration?: number;
  /**
   * Address of the scoring endpoint inside the cluster.
   */
  url?: string;
  /**
   * The revision that the stable Service points to.
   */
  activeRevision?: string;
  replicas?: ReplicaCounts;
  effective?: Effective;
  /**
   * The revisions that exist, newest first.
   */
  revisions?: RevisionStatus[];
  /**
   * Which revision served when; the last 20, newest last.
   */
  history?: HistoryEntry[];
  /**
   * The state in the Kubernetes API's own words.
   */
  conditions?: Condition[];
}
/**
 * Pods of the active revision.
 */
export interface ReplicaCounts {
  /**
   * Ready pods.
   */
  ready: number;
  /**
   * Wanted pods.
   */
  desired: number;
  /**
   * Both, as "2/3".
   */
  summary: string;
}
/**
 * Every default resolved; this is what the newest generation runs with.
 */
export interface Effective {
  /**
   * Least number of pods.
   */
  minReplicas: number;
  /**
   * Greatest number of pods.
   */
  maxReplicas: number;
  /**
   * Requests of the scorer container.
   */
  requests: {
    [k: string]: string;
  };
  /**
   * Limits of the scorer container.
   */
  limits: {
    [k: string]: string;
  };
  /**
   * Who may call.
   */
  auth: 'None' | 'Key';
  /**
   * Deadline of one request.
   */
  requestTimeout: string;
  /**
   * Deadline of init().
   */
  initTimeout: string;
  /**
   * Requests in work at the same time in a pod.
   */
  maxConcurrentRequests: number;
  /**
   * How long a request waits for a place.
   */
  maxQueueWait: string;
  /**
   * Largest body of a request.
   */
  maxRequestBytes: string;
  /**
   * Rows of several requests in one call of a model.
   */
  maxBatchSize: number;
  /**
   * Deadline of a rollout's progress.
   */
  progressDeadline: string;
  /**
   * Old revisions kept.
   */
  revisionHistoryLimit: number;
  /**
   * Calm before pods are removed.
   */
  scaleDownDelay: string;
  /**
   * Calm before the last pod goes; absent where one always stays.
   */
  scaleToZeroAfter?: string;
  /**
   * What the autoscaler looks at.
   */
  metrics: EffectiveMetric[];
  /**
   * A PodDisruptionBudget and spreading over hosts and zones.
   */
  disruptionBudget: boolean;
  /**
   * Clients see the stack of a failing script.
   */
  exposeErrors: boolean;
}
export interface EffectiveMetric {
  /**
   * What is measured.
   */
  type: 'Concurrency' | 'CPU';
  /**
   * Requests under way in the average pod.
   */
  averageValue?: number;
  /**
   * Percent of the CPU request.
   */
  averageUtilization?: number;
}
export interface RevisionStatus {
  /**
   * Name of the revision and of its Deployment.
   */
  name: string;
  /**
   * Share of the traffic.
   */
  weightPercent: number;
  /**
   * Wanted pods.
   */
  replicas: number;
  /**
   * Ready pods.
   */
  ready: number;
  /**
   * The model bytes that this revision serves.
   */
  models: RevisionModel[];
  /**
   * Digest of the script files.
   */
  scriptDigest?: string;
  /**
   * Scorer image of the revision's pods.
   */
  image?: string;
  /**
   * When the revision was made.
   */
  createdAt: string;
  /**
   * Why this revision never served; set when it was given up.
   */
  abandoned?: string;
  /**
   * What its container said beside that, a stack as a rule; it stays readable when the pods are gone.
   */
  failureDetail?: string;
}
export interface RevisionModel {
  /**
   * Name in the pipeline.
   */
  name: string;
  /**
   * Version of the ModelVersion.
   */
  version: string;
  /**
   * Digest of the bytes.
   */
  digest: string;
}
export interface HistoryEntry {
  /**
   * The revision.
   */
  revision: string;
  /**
   * When it took the traffic.
   */
  from: string;
  /**
   * When it lost the traffic; absent while it serves.
   */
  to?: string;
  /**
   * Why it took over.
   */
  reason: string;
}
export interface Condition {
  /**
   * Name of the condition.
   */
  type: string;
  /**
   * Whether it holds.
   */
  status: 'True' | 'False' | 'Unknown';
  /**
   * The generation it is about.
   */
  observedGeneration?: number;
  /**
   * When status last changed.
   */
  lastTransitionTime: string;
  /**
   * One word why.
   */
  reason: string;
  /**
   * One line for people.
   */
  message: string;
}
/**
 * A trained model registered under a version. Its bytes never change once they are verified.
 */
export interface ModelVersion {
  apiVersion: 'penstock.dev/v1alpha1';
  kind: 'ModelVersion';
  metadata: ObjectMeta;
  spec: ModelVersionSpec;
  status?: ModelVersionStatus;
}
/**
 * Which model this is and where its bytes come from.
 */
export interface ModelVersionSpec {
  /**
   * Name of the model.
   */
  model: string;
  /**
   * Version of the model, as you count them.
   */
  version: string;
  /**
   * ONNX: loaded by the scorer. Files: whatever the script loads itself.
   */
  format: 'ONNX' | 'Files';
  source: ModelSource;
  /**
   * Names of the features of an ONNX model with one input, in the order of its columns. Data frames are then matched by name. Absent: the metadata feature_names of the file, if it has that.
   *
   * @maxItems 2000
   */
  features?: string[];
  /**
   * SHA-256 of the bytes; of several files, of the lines "<sha256>  <name>" that sha256sum prints, sorted by name. Absent, the first verified fetch pins status.digest; may be added once.
   */
  digest?: string;
}
/**
 * Where the bytes are. It may move; the bytes stay pinned and are verified again.
 */
export interface ModelSource {
  /**
   * configmap://NAME/KEY in this namespace, configmap://NAME for all its keys (a model with external data, or several Files), or https://HOST/PATH/FILE.
   */
  uri: string;
  secretRef?: SecretRef;
}
/**
 * A Secret of this namespace for the download: token (bearer), or username and password; ca.crt for a private certificate authority.
 */
export interface SecretRef {
  /**
   * Name of the Secret.
   */
  name: string;
}
/**
 * What was verified.
 */
export interface ModelVersionStatus {
  /**
   * The generation that this status is about.
   */
  observedGeneration?: number;
  /**
   * The digest that every pod verifies.
   */
  digest?: string;
  /**
   * Size of the bytes.
   */
  sizeBytes?: number;
  usedBy?: UsedBy;
  /**
   * The source that the bytes were verified from.
   */
  verifiedSource?: string;
  /**
   * Whether each output row of an ONNX model depends on its own input row alone, read from its graph. Independent: requests that come together may share a call. Mixed: never. Unknown: only where a pipeline sets scoring.maxBatchSize above 1.
   */
  rows?: 'Independent' | 'Mixed' | 'Unknown';
  /**
   * Why rows is what it is, with the first operator that decides it.
   */
  rowsMessage?: string;
  signature?: Signature;
  /**
   * The state in the Kubernetes API's own words.
   */
  conditions?: Condition[];
}
/**
 * The InferencePipelines that name this model version, or still have pods that loaded it. While there are any, it cannot be deleted.
 */
export interface UsedBy {
  /**
   * How many.
   */
  count: number;
  /**
   * The first ten.
   */
  names?: string[];
}
/**
 * Inputs and outputs of an ONNX model, in the Open Inference Protocol's words.
 */
export interface Signature {
  /**
   * Tensors; -1 in a shape is a variable dimension.
   */
  inputs: TensorSignature[];
  /**
   * Tensors; -1 in a shape is a variable dimension.
   */
  outputs: TensorSignature[];
}
export interface TensorSignature {
  /**
   * Name of the tensor.
   */
  name: string;
  /**
   * Datatype, as FP32.
   */
  datatype: string;
  /**
   * Its shape.
   */
  shape: number[];
  /**
   * Of an input: the features that its columns are, as the file names them.
   */
  features?: string[];
  /**
   * Of an output: the classes that its columns are.
   */
  classes?: {
    [k: string]: unknown;
  }[];
}
