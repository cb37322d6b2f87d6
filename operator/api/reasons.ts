/**
 * The types and reasons of conditions. The names are Azure ML's where Azure ML has one. docs/errors.md explains each
 * reason.
 */

/** Failures that the same attempt would meet again. A failed download is not one of them. */
export const isFinal = (reason: string): boolean =>
  /^(UserScript|ScoringTestFailed|ModelLoadFailed|DigestMismatch|PodOutOfMemory|DeploymentCrashLoopBackOff)/.test(
    reason,
  );

/** Reasons of normal progress: Events with them are not warnings. */
export const isProgress = (reason: string): boolean =>
  [REASON.rollingOut, REASON.verifying, REASON.queued, REASON.restarting].some((one) => one === reason);

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
  /** This condition exists only while it is True. */
  batchingDisabled: 'BatchingDisabled',
  /** This condition exists only while it is True. */
  keysRefused: 'KeysRefused',
  /** This condition exists only while it is True. */
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
  /** The ConfigMap of a revision with pods was deleted, and its script exists nowhere else. */
  lost: 'RevisionLost',
  weakKey: 'WeakKey',
  notWrittenByPenstock: 'NotWrittenByPenstock',
  terminating: 'NamespaceTerminating',
  /** The objects of the namespace need more of the operator's memory than one namespace may use. */
  namespaceTooLarge: 'NamespaceTooLarge',
  invalid: 'InvalidSpec',
  progressDeadline: 'ProgressDeadlineExceeded',
  imagePull: 'ImagePullLoopBackOff',
  unschedulable: 'PodUnschedulable',
  outOfMemory: 'PodOutOfMemory',
  crashLoop: 'DeploymentCrashLoopBackOff',
  /** A container waits for its next start, and the kubelet no longer has its last termination message. */
  restarting: 'ContainerRestarting',
  quota: 'QuotaExceeded',
  /** The revision failed, and the annotation with its failure is not readable. */
  failed: 'RevisionFailed',
  /** The autoscaler cannot read the concurrency of the pods. */
  noMetricsApi: 'MetricsApiNotAvailable',
  /** No activator is Ready to take a request while there are no pods. */
  noActivator: 'ActivatorNotAvailable',
  /** A joined call gave another answer than separate calls. */
  answersDiffered: 'AnswersDiffered',
  /** A pod does not report how many requests it has. */
  podsSilent: 'PodsSilent',
  digest: 'DigestMismatch',
  verified: 'Verified',
  verifying: 'Verifying',
  queued: 'VerificationQueued',
  /** A call to the API server failed and is retried. */
  retrying: 'Retrying',
  /** The autoscaler has no metric yet. */
  notYetReady: 'NotYetReady',
  validMetric: 'ValidMetricFound',
  atZero: 'AtZero',
  waking: 'Waking',
  fixedReplicas: 'FixedReplicas',
  verificationFailed: 'VerificationFailed',
  /** An Event of an operator that leaves an object to another one. */
  managedElsewhere: 'ManagedElsewhere',
} as const;
