/** What a reconcile knows: read once, frozen, and all that the pure rooms get. */
import type { MountedModel, Traffic } from '@penstock/contract';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js';
import type { ConfigMap, Pod, PodTemplateSpec, Service } from 'kubernetes-types/core/v1.js';
import type { Job } from 'kubernetes-types/batch/v1.js';
import type { NetworkPolicyPeer } from 'kubernetes-types/networking/v1.js';
import type { KubeObject, Stored } from './objects.ts';
import type { InferencePipeline, ModelVersion } from './types.gen.ts';

/** The files beside a script, itself among them. */
export interface ScriptFiles {
  /** Text by file name. */
  files: Record<string, string>;
  /** What is no text, in base64, by file name. */
  binaries?: Record<string, string>;
}

/** A script's files, and the one that is loaded. */
export interface Script extends ScriptFiles {
  entry: string;
}

/** What a revision is made of; with the pod template and the script files it lies in the revision's ConfigMap. */
export interface RevisionRecord {
  /** Absent in records that are older than the field. */
  schemaVersion?: number;
  pipeline: string;
  /** When it was rendered, by the operator's clock. */
  createdAt: string;
  target: InferencePipeline['spec']['target'];
  models: MountedModel[];
  entry?: string;
  scriptDigest?: string;
  image: string;
}

/** A revision as its immutable ConfigMap holds it. */
export interface Revision {
  name: string;
  record: RevisionRecord;
  podTemplate: PodTemplateSpec;
  /** Why it was given up, as "Reason: message"; such a revision never gets pods again. */
  abandoned?: string;
  /** What its container left beside that, a stack as a rule. */
  failureDetail?: string;
  /** The stored ConfigMap; absent for a revision that is not written yet, and for one whose ConfigMap was lost. */
  configMap?: Stored<ConfigMap>;
  /** What is written in place of a lost ConfigMap. */
  restored?: Pick<Stored<ConfigMap>, 'data' | 'binaryData'> & { annotations: Record<string, string> };
}

/** Traffic moves from one revision to another, which should have so many Ready pods. */
export interface TakeOver {
  from: string;
  to: string;
  size: number;
}

/** Order of revisions, the same whoever looks: by time of making, which has seconds only, then by name. */
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
  /** The stable Service. */
  service?: Stored<Service>;
  traffic?: Traffic;
  /** What a pod wants its users to know although it serves. */
  warning?: string;
  /** Every child that the cache knows, in the order in which they may go. */
  children: KubeObject[];
  /** Those of them that have lost their owner reference. */
  orphans: KubeObject[];
  keyHashes: string[];
  /** Which of the user's own keys are not taken, and what to do. */
  keyProblem?: string;
  /** ConfigMaps in the place of revisions that Penstock could not have written. */
  unreadable?: string[];
  /** Why the autoscaler cannot be told the concurrency of pods; absent where it can. */
  noConcurrency?: string;
  /** Where the pipeline may have no pods, or has had none. */
  activator?: {
    /** The activator's port for it; absent when none is free. */
    port?: number;
    /** Addresses of the activators that are Ready. */
    addresses: string[];
    addressType: 'IPv4' | 'IPv6';
    /** The stable Service leads to a Ready pod: the nodes have been told of it, or are being told. */
    serviceReady: boolean;
    /** The activator has had time to hear of its port. */
    synced: boolean;
  };
  /** What the pods of a revision say: for so long none of them has been asked anything; or, for so long one of them has not said. */
  idle?: { revision: string; seconds: number } | { revision: string; unansweredSeconds: number };
  /** Milliseconds since the epoch, at the start of this reconcile. */
  now: number;
}

/** How many verifications hold a slot, as a model version of one namespace must count them. */
export interface VerificationSlots {
  /** In all namespaces. */
  taken: number;
  /** In its own. */
  takenHere: number;
  /** In that namespace, of the others with a model version in the queue, that has the fewest; absent when none has one. */
  fewestElsewhere?: number;
}

export interface ObservedModelVersion {
  modelVersion: ModelVersion;
  /** Names of the pipelines that use it. */
  users: string[];
  jobs: Stored<Job>[];
  /** Those of the Jobs that have lost their owner reference. */
  orphans: Stored<Job>[];
  pods: Stored<Pod>[];
  /** The ConfigMap of a configmap:// source exists; true for other sources. */
  sourceExists: boolean;
  /** Verifications that run now. */
  slots: VerificationSlots;
  /** What the API server said when the Job's pod was refused. */
  refusal?: string;
  now: number;
}

/** Who may reach the pods' operator port, beside their own node: probes come from there, and NetworkPolicies never hold them back. */
export interface NetworkAccess {
  /** Where the operator runs, which reads the pods' figures. */
  operatorNamespace: string;
  /** Prometheus, as a rule. */
  metricsFrom: NetworkPolicyPeer[];
}

/** What the operator was told at its start and the rendering of children depends on. */
export interface RenderConfig {
  scorerImage: string;
  imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  imagePullSecrets: string[];
  clusterDomain: string;
  /** False: models come from public addresses only. */
  privateSources: boolean;
  /** Absent: pipelines get no NetworkPolicy. */
  networkAccess?: NetworkAccess;
}
