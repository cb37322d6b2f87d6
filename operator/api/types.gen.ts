// Printed from crds/ by `npm run generate`: edit the YAML, not this file.
import type {Affinity} from 'kubernetes-types/core/v1.js';
import type {ObjectMeta} from '@penstock/kube/api/objects';

/**
 * A REST endpoint for trained models, with an optional script. It scales automatically.
 */
export interface InferencePipeline {
  apiVersion: 'penstock.dev/v1alpha1';
  kind: 'InferencePipeline';
  metadata: ObjectMeta;
  spec: InferencePipelineSpec;
  status?: InferencePipelineStatus;
}
/**
 * The desired endpoint.
 */
export interface InferencePipelineSpec {
  /**
   * The kind of endpoint. Development (as Azure Container Instances): one small pod, no key, errors with stack traces. Production (as AKS): 2 to 10 pods, keys, disruption budget. Managed (as managed endpoints): Production with 0 to 10 pods, and no pods after 10 minutes without a request. It sets every default below. A field that is set overrides its default.
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
 * How requests are scored. Without a script, the pipeline serves exactly one ONNX model.
 */
export interface Scoring {
  /**
   * JavaScript or TypeScript source that exports init() and run(rawData). Use scriptFrom for longer scripts and for scripts in Python.
   */
  script?: string;
  scriptFrom?: ScriptFrom;
  test?: ScoringTest;
  /**
   * Maximum number of rows in one call of an ONNX model when requests are joined. 1: requests are never joined. A value above 1 also allows it for a model whose rows are Unknown (status.rows of its ModelVersion). Default 64.
   */
  maxBatchSize?: number;
}
/**
 * A key of a ConfigMap of this namespace that holds the script. All keys are mounted beside it, so the script can import them (768 KiB in total).
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
   * Key of the entry script, for example score.py or score.ts.
   */
  key: string;
}
/**
 * A request that each pod scores after init() and before it is Ready. If the answer is wrong, the pod and its revision fail.
 */
export interface ScoringTest {
  /**
   * Body of a POST to /score, for example {"data": [[5.1, 3.5, 1.4, 0.2]]}.
   */
  request: string;
  /**
   * JSON that the answer must contain, with all of its fields and values. Absent: any answer with status 200.
   */
  expect?: string;
  /**
   * The allowed difference of numbers, absolute or relative. Default "1e-5".
   */
  tolerance?: string;
}
/**
 * The environment of the script.
 */
export interface Environment {
  /**
   * Image for a script in Python, with python3 (3.8 or newer) and the packages of the script. Its command is not used. Or the image of environment.server. With imagePullSecrets of the chart or of the ServiceAccount.
   */
  image?: string;
  server?: ServerOfImage;
  packages?: Packages;
  /**
   * Environment variables of the container that runs the script, as in a pod.
   *
   * @maxItems 100
   */
  variables?: Variable[];
}
/**
 * An HTTP server in environment.image, which answers requests in place of a script. The scorer before it checks keys, and has limits, metrics and rollouts as for a script.
 */
export interface ServerOfImage {
  /**
   * Port on which the server listens.
   */
  port: number;
  /**
   * Path that gets the requests of /score, with their query. Default: /score.
   */
  path?: string;
  /**
   * Path whose GET has a status of 2xx or 3xx as soon as the server can take requests. Default: /.
   */
  readinessPath?: string;
  /**
   * Command of the container. Default: that of the image.
   *
   * @maxItems 64
   */
  command?: string[];
  /**
   * Arguments of the command. Default: those of the image.
   *
   * @maxItems 64
   */
  args?: string[];
}
/**
 * Packages that the script imports. They are installed before it starts.
 */
export interface Packages {
  npm?: NpmPackages;
  python?: PythonPackages;
}
/**
 * Packages from an npm registry, for a script in TypeScript or JavaScript.
 */
export interface NpmPackages {
  /**
   * A package-lock.json of npm 7 or newer, with the dependencies of the script. Each package has a version and a hash. Install scripts of packages are not run.
   */
  packageLock?: string;
  packageLockFrom?: PackageLockFrom;
}
/**
 * A key of a ConfigMap of this namespace that holds the package-lock.json.
 */
export interface PackageLockFrom {
  configMap: PackageLockKey;
}
export interface PackageLockKey {
  /**
   * Name of the ConfigMap.
   */
  name: string;
  /**
   * Key in the ConfigMap, for example package-lock.json.
   */
  key: string;
}
/**
 * Packages from a Python package index, for a script in Python.
 */
export interface PythonPackages {
  /**
   * Minor version of Python, for example "3.11". The chart says which versions there are. Default: its python.defaultVersion.
   */
  version?: string;
  /**
   * The packages as a requirements.txt. Outside Development each line has a version and a hash: `penstock lock` writes them. Only wheels are installed.
   */
  requirements?: string;
  requirementsFrom?: RequirementsFrom;
}
/**
 * A key of a ConfigMap of this namespace that holds the requirements.
 */
export interface RequirementsFrom {
  configMap: RequirementsKey;
}
export interface RequirementsKey {
  /**
   * Name of the ConfigMap.
   */
  name: string;
  /**
   * Key in the ConfigMap, for example requirements.txt.
   */
  key: string;
}
export interface Variable {
  /**
   * Name of the variable.
   */
  name: string;
  /**
   * Value of the variable.
   */
  value?: string;
  valueFrom?: ValueFrom;
}
/**
 * The source of the value, in this namespace.
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
   * Key in the object.
   */
  key: string;
  /**
   * True: the variable is omitted if the object or the key does not exist.
   */
  optional?: boolean;
}
/**
 * Requests and limits of the container that runs the script or the model. A limit lowers a default request above it.
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
 * The number of pods. If minReplicas is below maxReplicas, a HorizontalPodAutoscaler sets it.
 */
export interface Scaling {
  /**
   * Minimum number of pods. Development 1, Production 2, Managed 0. At 0, the last pod stops after scaleToZeroAfter, and the next request starts a pod. Raises a default maximum below it.
   */
  minReplicas?: number;
  /**
   * Maximum number of pods. Development 1, Production and Managed 10. Lowers a default minimum above it.
   */
  maxReplicas?: number;
  /**
   * The metrics of the autoscaler. The metric that needs the most pods decides. Default Concurrency with 4, or with maxConcurrentRequests if that is less.
   *
   * @minItems 1
   * @maxItems 2
   */
  metrics?: ScalingMetric[];
  /**
   * How long the load must be low before pods are removed. Default 60s.
   */
  scaleDownDelay?: string;
  /**
   * If minReplicas is 0, the last pod stops after this time without a request. Later requests wait until a pod is Ready. Default 10m.
   */
  scaleToZeroAfter?: string;
}
export interface ScalingMetric {
  /**
   * Concurrency: requests in progress, waiting and refused, averaged over ten seconds; needs no other component. CPU: usage of the container that runs the script or the model, in percent of its CPU request; needs metrics-server.
   */
  type: 'Concurrency' | 'CPU';
  /**
   * Target number of requests in progress for each pod, on average. At most endpoint.maxConcurrentRequests.
   */
  averageValue?: number;
  /**
   * Target CPU usage in percent of the CPU request, on average.
   */
  averageUtilization?: number;
}
/**
 * The endpoint for clients.
 */
export interface Endpoint {
  auth?: Auth;
  /**
   * Timeout of a request, after which the client gets 504. Default 5s.
   */
  requestTimeout?: string;
  /**
   * Timeout of the script's init(). Default 5m.
   */
  initTimeout?: string;
  /**
   * How long a request waits for the first pod of a pipeline that has none, before the client gets 503. Default 60s. A change makes no new revision.
   */
  coldStartTimeout?: string;
  /**
   * Requests that a pod works on at the same time. Other requests wait. Default 16.
   */
  maxConcurrentRequests?: number;
  /**
   * How long a request waits before the client gets 429. Default 500ms.
   */
  maxQueueWait?: string;
  /**
   * Maximum size of a request body, before and after decompression, for example 64Mi. A pod holds four such bodies, or 64Mi if that is more. At most a quarter of the memory limit. Default 16Mi.
   */
  maxRequestBytes?: string;
}
/**
 * Authentication of clients.
 */
export interface Auth {
  /**
   * None: no authentication. Key: one of two keys as a bearer token; the Secret NAME-keys has them. Default: Development None, Production and Managed Key.
   */
  mode?: 'None' | 'Key';
}
/**
 * How a new revision replaces the old one.
 */
export interface Rollout {
  /**
   * Immediate: all traffic moves to the new revision when it has as many Ready pods as the old one.
   */
  strategy?: 'Immediate';
  /**
   * A new revision without progress for this time has failed, and the old one keeps serving. Default 10m.
   */
  progressDeadline?: string;
  /**
   * Pods of a new revision that may run beside those that serve. Default: as many as serve, or what a quota of the namespace allows. With fewer, both revisions exchange pods in steps, and the traffic moves when both have the same number.
   */
  maxSurge?: number;
  /**
   * Number of old revisions that are kept for a rollback. Default 5.
   */
  revisionHistoryLimit?: number;
}
/**
 * Scheduling of the pods.
 */
export interface Placement {
  /**
   * Labels that a node must have.
   */
  nodeSelector?: {
    [k: string]: string;
  };
  /**
   * Tolerations of the pods, as in a pod.
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
   * How long the pod stays on a node with a NoExecute taint (seconds).
   */
  tolerationSeconds?: number;
}
/**
 * Additional labels and annotations of the pods.
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
 * The observed state of the endpoint.
 */
export interface InferencePipelineStatus {
  /**
   * The generation that this status describes.
   */
  observedGeneration?: number;
  operator?: OperatorClaim;
  /**
   * Address of the scoring endpoint inside the cluster.
   */
  url?: string;
  /**
   * The scorer image of the active revision.
   */
  scorerImage?: string;
  environment?: EnvironmentStatus;
  /**
   * The revision that the stable Service selects.
   */
  activeRevision?: string;
  replicas?: ReplicaCounts;
  effective?: Effective;
  /**
   * The revisions that exist, newest first.
   */
  revisions?: RevisionStatus[];
  /**
   * Which revision served at which time: the last 20, newest last.
   */
  history?: HistoryEntry[];
  /**
   * Conditions as the Kubernetes API conventions define them.
   */
  conditions?: Condition[];
}
/**
 * The operator that manages this object.
 */
export interface OperatorClaim {
  /**
   * The namespace of the operator.
   */
  namespace: string;
  contender?: OperatorContender;
}
/**
 * An operator of another release, which watches the same namespace.
 */
export interface OperatorContender {
  /**
   * The namespace of that operator.
   */
  namespace: string;
  /**
   * When it found that another operator manages this object.
   */
  since: string;
  /**
   * When the operator that manages this object answered. Without an answer within a minute the other one manages it.
   */
  refusedAt?: string;
}
/**
 * The environment of the active revision's script.
 */
export interface EnvironmentStatus {
  /**
   * SHA-256 of the lock of its packages, as sha256:<hex>.
   */
  lockDigest?: string;
  /**
   * Minor version of Python. Absent for an image of your own.
   */
  pythonVersion?: string;
  /**
   * Image of the container that runs a script in Python or a server of your own.
   */
  image?: string;
  /**
   * That image as a pod has pulled it, with its digest.
   */
  imageID?: string;
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
   * Desired pods.
   */
  desired: number;
  /**
   * Both, as "2/3".
   */
  summary: string;
}
/**
 * The settings of this generation after presets and defaults.
 */
export interface Effective {
  /**
   * Minimum number of pods.
   */
  minReplicas: number;
  /**
   * Maximum number of pods.
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
   * Authentication of clients.
   */
  auth: 'None' | 'Key';
  /**
   * Timeout of a request.
   */
  requestTimeout: string;
  /**
   * Timeout of init().
   */
  initTimeout: string;
  /**
   * Requests in work at the same time in a pod.
   */
  maxConcurrentRequests: number;
  /**
   * Maximum time that a request waits.
   */
  maxQueueWait: string;
  /**
   * Maximum size of a request body.
   */
  maxRequestBytes: string;
  /**
   * Maximum number of rows in one call of a model.
   */
  maxBatchSize: number;
  /**
   * Deadline for the progress of a rollout.
   */
  progressDeadline: string;
  /**
   * Number of old revisions that are kept.
   */
  revisionHistoryLimit: number;
  /**
   * Time with low load before pods are removed.
   */
  scaleDownDelay: string;
  /**
   * How long a request waits for the first pod. Absent if one pod always runs.
   */
  coldStartTimeout?: string;
  /**
   * Time without a request before the last pod stops. Absent if one pod always runs.
   */
  scaleToZeroAfter?: string;
  /**
   * The metrics of the autoscaler.
   */
  metrics: EffectiveMetric[];
  /**
   * Whether there is a PodDisruptionBudget, and pods are spread over hosts and zones.
   */
  disruptionBudget: boolean;
  /**
   * Whether clients see the stack of a script's error.
   */
  exposeErrors: boolean;
}
export interface EffectiveMetric {
  /**
   * Type of the metric.
   */
  type: 'Concurrency' | 'CPU';
  /**
   * Target number of requests in progress, on average.
   */
  averageValue?: number;
  /**
   * Target CPU usage in percent of the CPU request, on average.
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
   * Desired pods.
   */
  replicas: number;
  /**
   * Ready pods.
   */
  ready: number;
  /**
   * The models of this revision.
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
   * Why this revision failed. Absent for other revisions.
   */
  abandoned?: string;
  /**
   * More about the failure, usually a stack. It stays here after the pods are deleted.
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
   * Start of serving.
   */
  from: string;
  /**
   * End of serving. Absent while it serves.
   */
  to?: string;
  /**
   * Why this revision replaced the one before.
   */
  reason: string;
}
export interface Condition {
  /**
   * Name of the condition.
   */
  type: string;
  /**
   * Status of the condition.
   */
  status: 'True' | 'False' | 'Unknown';
  /**
   * The generation that this condition describes.
   */
  observedGeneration?: number;
  /**
   * When the status last changed.
   */
  lastTransitionTime: string;
  /**
   * Reason in one word. See docs/errors.md.
   */
  reason: string;
  /**
   * Message in one line.
   */
  message: string;
}
/**
 * A version of a trained model. Its bytes are verified, and cannot change afterwards.
 */
export interface ModelVersion {
  apiVersion: 'penstock.dev/v1alpha1';
  kind: 'ModelVersion';
  metadata: ObjectMeta;
  spec: ModelVersionSpec;
  status?: ModelVersionStatus;
}
/**
 * The model and its source.
 */
export interface ModelVersionSpec {
  /**
   * Name of the model.
   */
  model: string;
  /**
   * Version of the model, in any form.
   */
  version: string;
  /**
   * ONNX: the scorer loads the model. Files: the script loads the files itself.
   */
  format: 'ONNX' | 'Files';
  source: ModelSource;
  /**
   * Names of the features of an ONNX model with one input, in the order of its columns. Columns of data frames are matched with them by name. Default: the metadata feature_names of the file.
   *
   * @maxItems 2000
   */
  features?: string[];
  /**
   * SHA-256 of the bytes. For several files: SHA-256 of the lines "<sha256>  <name>" of sha256sum, sorted by name. Absent: the first verification sets status.digest. It can be added once.
   */
  digest?: string;
  verification?: VerificationSettings;
}
/**
 * Where the bytes are. The source may change; the bytes are then verified again and must be the same.
 */
export interface ModelSource {
  /**
   * configmap://NAME/KEY in this namespace, configmap://NAME for all its keys (a model with external data, or several Files), pvc://CLAIM/PATH for a file or a folder of a PersistentVolumeClaim in this namespace, or https://HOST/PATH/FILE.
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
 * Where and how the Job that verifies the model runs. A field that is absent has the value of the chart's verification.*.
 */
export interface VerificationSettings {
  resources?: Resources;
  /**
   * Labels that a node must have.
   */
  nodeSelector?: {
    [k: string]: string;
  };
  /**
   * Tolerations of the pods, as in a pod.
   *
   * @maxItems 50
   */
  tolerations?: Toleration[];
  podMetadata?: PodMetadata;
  /**
   * ServiceAccount of the pod, for image pull secrets and policies; its token is never mounted. Default the namespace's default account.
   */
  serviceAccountName?: string;
}
/**
 * The result of the verification.
 */
export interface ModelVersionStatus {
  /**
   * The generation that this status describes.
   */
  observedGeneration?: number;
  operator?: OperatorClaim;
  /**
   * The digest that every pod compares.
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
   * Whether each output row of an ONNX model depends only on its own input row, according to its graph. Independent: requests can be joined into one call. Mixed: never. Unknown: only if a pipeline sets scoring.maxBatchSize above 1.
   */
  rows?: 'Independent' | 'Mixed' | 'Unknown';
  /**
   * The reason for the value of rows, with the first operator that decides it.
   */
  rowsMessage?: string;
  signature?: Signature;
  /**
   * Conditions as the Kubernetes API conventions define them.
   */
  conditions?: Condition[];
}
/**
 * The InferencePipelines that name this ModelVersion or have pods that loaded it. It cannot be deleted while one names it.
 */
export interface UsedBy {
  /**
   * Number of pipelines.
   */
  count: number;
  /**
   * Names of the first ten.
   */
  names?: string[];
}
/**
 * Inputs and outputs of an ONNX model, as the Open Inference Protocol describes them.
 */
export interface Signature {
  /**
   * Tensors. -1 in a shape is a dynamic dimension.
   */
  inputs: TensorSignature[];
  /**
   * Tensors. -1 in a shape is a dynamic dimension.
   */
  outputs: TensorSignature[];
}
export interface TensorSignature {
  /**
   * Name of the tensor.
   */
  name: string;
  /**
   * Datatype, for example FP32.
   */
  datatype: string;
  /**
   * Shape of the tensor.
   */
  shape: number[];
  /**
   * Inputs only: the names of the features, in the order of the columns.
   */
  features?: string[];
  /**
   * Outputs only: the classes, in the order of the columns.
   */
  classes?: {
    [k: string]: unknown;
  }[];
}
