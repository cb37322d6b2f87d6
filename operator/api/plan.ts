/** What a reconcile has decided. The room `plan` makes it; `desired`, `reconcile` and `status` read it. */
import type { VerifiedModel } from '@penstock/contract';
import type { Job } from 'kubernetes-types/batch/v1.js';
import type { Stalled, Waiting } from './flow.ts';
import type { Stored } from '@penstock/kube/api/objects';
import type { PodFailure, Revision, RevisionState } from './observed.ts';
import type { Effective, EffectiveMetric } from './types.gen.ts';

export type RolloutPhase =
  /**
   * The spec asks for no revision that can be made; {@link Plan.blocked} says why. The stable revision stays as it is.
   */
  | 'Blocked'
  /** The stable revision is the one that the spec asks for. */
  | 'UpToDate'
  /** Nothing has served so far, so the wanted revision gets the traffic before it is Ready. */
  | 'Initial'
  /** The candidate has fewer Ready pods than it must bring. */
  | 'Progressing'
  /** The candidate has enough Ready pods: the traffic moves to it in this reconcile. */
  | 'Switching'
  /** The candidate has failed for good or made no progress in time: it is marked failed in this reconcile. */
  | 'Failing'
  /** The wanted revision was marked failed by an earlier reconcile. */
  | 'Failed';

export type ScaleToZeroState =
  /** The stable revision has pods, or they start without a request that waits for them. */
  | 'Active'
  /** No pods, or none from this reconcile on: requests go to the activator. */
  | 'AtZero'
  /** Pods start and the activator holds the requests until one is Ready. */
  | 'Waking'
  /** Idle for scaleToZeroAfter, but no activator is Ready to take the next request: pods stay. */
  | 'NoActivator'
  /** A pod has not reported for a minute whether it is idle: pods stay. */
  | 'IdlenessUnknown';

/** Where the stable Service leads beside its pods. */
export interface ActivatorRoute {
  port: number;
  /** Addresses of activators; none while the pods take all requests. */
  addresses: string[];
  /** Immutable in an EndpointSlice. */
  addressType: 'IPv4' | 'IPv6';
}

/** The decision about the stable revision of a pipeline that may scale to zero. */
export interface ScaleToZero {
  state: ScaleToZeroState;
  /** A request gets an answer although no pod is Ready: an activator holds it until one is. */
  availableThroughActivator: boolean;
  /** Absent: no EndpointSlice for the activator. */
  route?: ActivatorRoute | undefined;
  wakeAfterMs?: number | undefined;
}

/** A revision that has pods, or should have them. */
export interface LiveRevision {
  revision: Revision;
  /** `retiring`: it answers until its drain time is over, then has no pods, then is gone. */
  role: 'stable' | 'candidate' | 'retiring';
  /** Share of the requests that it gets. */
  weightPercent: number;
  /** Replica count to set through the scale subresource; absent: the count is right, or the autoscaler's. */
  scaleTo?: number | undefined;
  autoscaled: boolean;
  /** Autoscaler and disruption budget stay as they are: they have the bounds of an older generation of the spec. */
  scalingFrozen: boolean;
  /** Of a candidate that gets its pods in steps; stored with its Deployment. */
  stepwise?: RevisionState['stepwise'];
  replicas: number;
  ready: number;
}

/** Traffic moves from one revision to another, which must have `size` Ready pods. */
export interface TrafficSwitch {
  from: string;
  to: string;
  size: number;
}

/** The plan of a pipeline. */
export interface Plan {
  phase: RolloutPhase;
  effective: Effective;
  /** The metrics that an autoscaler can get; without any there is no autoscaler. */
  metrics: EffectiveMetric[];
  /** The revision that this generation asks for; absent in phase Blocked. */
  wanted?: Revision | undefined;
  /** Why there is no wanted revision, or why it was marked failed. */
  blocked?: Stalled | Waiting | undefined;
  /** The revision to mark failed in this reconcile. */
  failing?: { revision: Revision; failure: PodFailure } | undefined;
  /** Name of the revision that the stable Service selects after this reconcile. */
  stable?: string | undefined;
  /** Set when the stable revision takes the traffic from another. */
  trafficSwitch?: TrafficSwitch | undefined;
  live: LiveRevision[];
  /** Names of the revisions whose ConfigMap stays. */
  kept: string[];
  /** Why the wanted revision is not Ready. */
  failure?: PodFailure | undefined;
  /** Of the stable revision, where it may have no pods. */
  scaleToZero?: ScaleToZero | undefined;
  /** Whether the pipeline gets a new scorer image by a rollout, or waits for its turn. */
  refresh: 'none' | 'waiting' | 'running';
  wakeAfterMs?: number | undefined;
}

/** The plan of a ModelVersion. A failed verification is tried again, after a longer delay each time. */
export interface Verification {
  ready: boolean;
  reason: string;
  message: string;
  /** Set in the reconcile that reads it from the Job. */
  result?: VerifiedModel;
  /** Number of the attempt to start now. */
  start?: number;
  /** Finished Jobs that are no longer needed. */
  prune: Stored<Job>[];
  wakeAfterMs?: number;
}
