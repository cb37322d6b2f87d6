/** What a reconcile has read. It is read once and is the only input of the pure rooms. */
import type { MountedModel, Traffic } from '@penstock/contract';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js';
import type { ConfigMap, Pod, PodTemplateSpec, Service } from 'kubernetes-types/core/v1.js';
import type { Job } from 'kubernetes-types/batch/v1.js';
import type { KubeObject, ObjectMeta, Stored } from '@penstock/kube/api/objects';
import type { InferencePipeline, ModelVersion, OperatorClaim } from './types.gen.ts';

/** The files of a script's ConfigMap, with the script, and what it imports. */
export interface ScriptFiles {
  /** Text files by name. */
  files: Record<string, string>;
  /** Binary files by name, in base64. */
  binaries?: Record<string, string>;
  /** Its Python packages, as the text of a requirements.txt. */
  requirements?: string;
  /** Its npm packages, as the text of a package-lock.json. */
  packageLock?: string;
}

/** A script's files and the file that is loaded. */
export interface Script extends ScriptFiles {
  entry: string;
}

/** The inputs of a revision. The revision's ConfigMap stores them with the pod template and the script files. */
export interface RevisionRecord {
  /** Absent in records that were written before the field existed. */
  schemaVersion?: number;
  pipeline: string;
  /** When the revision was rendered, by the operator's clock. */
  createdAt: string;
  target: InferencePipeline['spec']['target'];
  models: MountedModel[];
  entry?: string;
  scriptDigest?: string;
  image: string;
  /** Of a script in Python. */
  python?: RecordedPython;
  /** Of a server of the user's own. */
  server?: { image: string };
  /** Of a script with npm packages. `lockDigest`: `sha256:<hex>` of the lock. */
  npm?: { lockDigest: string };
  /** The revision of the same spec with an older scorer image, which this one replaces. */
  refreshOf?: string;
}

/** The environment of a script in Python. */
export interface RecordedPython {
  image: string;
  /** Minor version of Python. Absent for an image of the user's own. */
  version?: string;
  /** `sha256:<hex>` of the requirements. */
  requirementsDigest?: string;
}

/** A revision as its immutable ConfigMap stores it. */
export interface Revision {
  name: string;
  record: RevisionRecord;
  podTemplate: PodTemplateSpec;
  /** Why the revision failed for good, as "Reason: message". Such a revision gets no pods again. */
  abandoned?: string;
  /** The rest of its container's termination message, usually a stack. */
  failureDetail?: string;
  /** The stored ConfigMap. Absent for a revision that is not written yet, and for one whose ConfigMap was deleted. */
  configMap?: Stored<ConfigMap>;
  /** The ConfigMap to write in place of a deleted one. */
  restored?: Pick<Stored<ConfigMap>, 'data' | 'binaryData'> & { annotations: Record<string, string> };
}

/** Why pods are not Ready. */
export interface PodFailure {
  reason: string;
  message: string;
  /** How many times the container has ended with this failure. */
  times: number;
  /** The rest of the container's termination message, usually a stack. */
  detail?: string;
}

/** The state of one revision. */
export interface RevisionState {
  /** It has a Deployment. */
  exists: boolean;
  replicas: number;
  ready: number;
  /** Pods in any phase but Failed and Succeeded; terminating pods count. */
  pods: number;
  failure?: PodFailure;
  deadlineExceeded: boolean;
  hasAutoscaler: boolean;
  /** Of a candidate that gets its pods in steps: pods that served before, and when the last step began. */
  stepwise?: { size: number; since: string } | undefined;
}

const ABSENT: RevisionState = {
  exists: false,
  replicas: 0,
  ready: 0,
  pods: 0,
  deadlineExceeded: false,
  hasAutoscaler: false,
};

/** The state of a revision, also of one that has neither Deployment nor pods. */
export const stateOf = ({ states }: Pick<ObservedPipeline, 'states'>, revision: string): RevisionState =>
  states[revision] ?? ABSENT;

/** Sorts revisions by creation time, which has whole seconds only, then by name. */
export const newestFirst = (a: Revision, b: Revision): number =>
  `${a.record.createdAt} ${a.name}` < `${b.record.createdAt} ${b.name}` ? 1 : -1;

export interface ObservedPipeline {
  pipeline: InferencePipeline;
  /** The ModelVersion of each entry of spec.models that exists. */
  modelVersions: Record<string, ModelVersion>;
  /** Absent: no-code, or the ConfigMap of scriptFrom is missing. */
  script?: Script;
  scriptProblem?: string;
  revisions: Revision[];
  deployments: Stored<Deployment>[];
  autoscalers: Stored<HorizontalPodAutoscaler>[];
  pods: Stored<Pod>[];
  /** By name of the revision; read with {@link stateOf}. */
  states: Record<string, RevisionState>;
  /** The stable Service. */
  service?: Stored<Service> | undefined;
  traffic?: Traffic | undefined;
  /** A warning that a pod reports while it serves. */
  warning?: string | undefined;
  /** All cached children, in the order in which they may be deleted. */
  children: KubeObject[];
  /** Children whose owner reference was removed. */
  orphans: KubeObject[];
  /** SHA-256 (hex) of each key that opens the endpoint; absent: its Secret has yet to be created. */
  keyHashes?: string[] | undefined;
  /** The metadata of the Secret with the keys. */
  keySecret?: ObjectMeta;
  /** Which of the keys are not accepted, and what to do. */
  keyProblem?: string | undefined;
  /** Names of ConfigMaps in the place of revisions that Penstock could not have written. */
  unreadable?: string[] | undefined;
  /** Why an autoscaler cannot read the concurrency of pods; absent where it can. */
  noConcurrency?: string | undefined;
  /** Set where the pipeline may have no pods, or has had none. */
  activator?:
    | {
        /** The activator's port for this pipeline; absent when none is free. */
        port?: number;
        /** Addresses of the Ready activators. */
        addresses: string[];
        addressType: 'IPv4' | 'IPv6';
        /** The EndpointSlices of the stable Service have a Ready endpoint. */
        serviceReady: boolean;
        /** The activator has had time to listen on its port. */
        synced: boolean;
      }
    | undefined;
  /** Seconds since the last request of all pods of a revision, or seconds since one of them stopped reporting. */
  idle?: { revision: string; seconds: number } | { revision: string; unansweredSeconds: number } | undefined;
  /** Whether the namespace has the claim in which the chart keeps installed packages. */
  packageCache: boolean;
  /** Whether the pipeline may get a new scorer image now: only some do at the same time. */
  mayRefresh: boolean;
  /** Milliseconds since the epoch, at the start of this reconcile. */
  now: number;
}

/** Verifications that run now, counted for a ModelVersion of one namespace. */
export interface VerificationSlots {
  /** In all namespaces. */
  taken: number;
  /** In the ModelVersion's own namespace. */
  takenHere: number;
  /** The smallest count among the other namespaces that have a queued ModelVersion; absent when none has one. */
  fewestElsewhere?: number;
}

/** A verification Job and what its pod says. */
export interface JobState {
  job: Stored<Job>;
  /** 1 for the first. */
  attempt: number;
  hasPods: boolean;
  /** The Job has a condition Complete or Failed. */
  finished: boolean;
  /** How the container ended. */
  exit?: { code: number; message?: string };
  /** Set when the Job or its container has ended: what it failed with, if it did. */
  failure?: { reason: string; message: string };
  /** When the container or the Job failed. */
  endedAt?: string | undefined;
  /** Why its pod does not start or was ended. */
  podFailure?: PodFailure;
}

export interface ObservedModelVersion {
  modelVersion: ModelVersion;
  /** Names of the pipelines that use it. */
  users: string[];
  jobs: JobState[];
  /** Jobs whose owner reference was removed. */
  orphans: Stored<Job>[];
  /** False where the source is a ConfigMap that does not exist. */
  sourceExists: boolean;
  slots: VerificationSlots;
  /** Why the API server refused the Job's pod. */
  refusal?: string;
  now: number;
}

/** A pipeline or ModelVersion: one operator manages it. */
export type Claimed = KubeObject & { status?: { operator?: OperatorClaim } };
