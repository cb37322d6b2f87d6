/** Condition types and the reasons they carry. Names are Azure ML's where it has one. */

/** Failures that another try cannot mend; a model store that does not answer may come back. */
export const isFinal = (reason: string): boolean =>
  /^(UserScript|ScoringTestFailed|ModelLoadFailed|DigestMismatch|PodOutOfMemory|DeploymentCrashLoopBackOff)/.test(
    reason,
  );

/** Whether a message of the API server says that a ResourceQuota refused an object. */
export const isQuotaExceeded = (message: string): boolean => /exceeded quota|failed quota/.test(message);

export const CONDITION = {
  ready: 'Ready',
  upToDate: 'UpToDate',
  available: 'Available',
  progressing: 'Progressing',
  modelsReady: 'ModelsReady',
  initSucceeded: 'InitSucceeded',
  scalingActive: 'ScalingActive',
  /** Only there when it is True. */
  batchingDisabled: 'BatchingDisabled',
  /** Likewise. */
  keysRefused: 'KeysRefused',
  /** Likewise. */
  revisionsUnreadable: 'RevisionsUnreadable',
  reconciling: 'Reconciling',
  stalled: 'Stalled',
} as const;

export const REASON = {
  serving: 'Serving',
  rollingOut: 'RollingOut',
  modelNotReady: 'ModelNotReady',
  resourceNotReady: 'ResourceNotReady',
  notOwned: 'ChildNotOwned',
  /** The ConfigMap of a revision with pods is gone, and with it its script. */
  lost: 'RevisionLost',
  weakKey: 'WeakKey',
  notWrittenByPenstock: 'NotWrittenByPenstock',
  terminating: 'NamespaceTerminating',
  /** The operator has no room for all objects of the namespace. */
  namespaceTooLarge: 'NamespaceTooLarge',
  invalid: 'InvalidSpec',
  progressDeadline: 'ProgressDeadlineExceeded',
  imagePull: 'ImagePullLoopBackOff',
  unschedulable: 'PodUnschedulable',
  outOfMemory: 'PodOutOfMemory',
  crashLoop: 'DeploymentCrashLoopBackOff',
  /** Between two tries of a container whose last words the kubelet has thrown away already. */
  restarting: 'ContainerRestarting',
  quota: 'QuotaExceeded',
  /** Marked failed, with a text that was edited since. */
  failed: 'RevisionFailed',
  /** Nobody tells the autoscaler the concurrency of pods. */
  noMetricsApi: 'MetricsApiNotAvailable',
  /** Nobody would take a request that comes while there are no pods. */
  noActivator: 'ActivatorNotAvailable',
  /** An answer to joined requests was not the answer to each of them. */
  answersDiffered: 'AnswersDiffered',
  /** The operator cannot ask pods what they have to do. */
  podsSilent: 'PodsSilent',
  digest: 'DigestMismatch',
  verified: 'Verified',
  verifying: 'Verifying',
  queued: 'VerificationQueued',
  /** A call to the API server failed; it is tried again. */
  retrying: 'Retrying',
  /** The autoscaler has no value yet. */
  notYetReady: 'NotYetReady',
  validMetric: 'ValidMetricFound',
  atZero: 'AtZero',
  waking: 'Waking',
  fixedReplicas: 'FixedReplicas',
  verificationFailed: 'VerificationFailed',
} as const;
