/** The settings of the operator on which the rendering of children depends. */
import type { NetworkPolicyPeer } from 'kubernetes-types/networking/v1.js';
import type { VerificationSettings } from './types.gen.ts';

/**
 * Who may reach the pods' operator port, beside their own node: probes come from there, and NetworkPolicies never hold
 * them back.
 */
export interface NetworkAccess {
  /** Where the operator runs, which reads the pods' figures. */
  operatorNamespace: string;
  /** Prometheus, as a rule. */
  metricsFrom: NetworkPolicyPeer[];
  /** Clients. Empty: all. */
  requestsFrom: NetworkPolicyPeer[];
}

/** The chart's settings for scripts in Python. */
export interface PythonConfig {
  /** Images by the minor version of Python. */
  images: Record<string, string>;
  /** The version where a pipeline names none. */
  defaultVersion: string;
  /** URL of the package index. Absent: that of PyPI. */
  indexUrl?: string | undefined;
  /** Name of a Secret in the namespace of a pipeline with username and password of the index; it may not exist. */
  indexSecret?: string | undefined;
  /** Name of a claim in the namespace of a pipeline, in which installed packages are kept for other pods. */
  cacheClaim?: string | undefined;
}

/** The chart's settings for npm packages. */
export interface NpmConfig {
  /** URL of the registry. Absent: no script can have npm packages. */
  registryUrl?: string | undefined;
  /** Name of a Secret in the namespace of a pipeline with token, or username and password; it may not exist. */
  registrySecret?: string | undefined;
}

/** The settings of the operator on which the rendering of children depends. */
export interface RenderConfig {
  /** The namespace of the operator. */
  namespace: string;
  scorerImage: string;
  imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  imagePullSecrets: string[];
  clusterDomain: string;
  /** False: models come from public addresses only. */
  privateSources: boolean;
  /** For scripts in Python. */
  python: PythonConfig;
  /** For scripts in TypeScript and JavaScript. */
  npm: NpmConfig;
  /** Largest size of a pipeline's packages, as a quantity. */
  maxPackagesSize: string;
  /** How downloads of models and packages leave the cluster: a proxy, hosts without it, further authorities (PEM). */
  egress: { httpsProxy?: string | undefined; noProxy?: string | undefined; caBundle?: string | undefined };
  /** Whether all pipelines get a new scorer image by rollouts; else those with the annotation do. */
  refreshAll: boolean;
  /** Whether pods get ids of user and group. False: the cluster assigns them, as OpenShift does. */
  assignUser: boolean;
  /** The chart's settings of verification Jobs. */
  verification: VerificationSettings;
  /** Absent: pipelines get no NetworkPolicy. */
  networkAccess?: NetworkAccess | undefined;
}
