/** The presets of a target, and how the user's settings override them (DESIGN §2). */
import { quantity } from '../api/units.ts';
import type {
  Effective,
  EffectiveMetric,
  InferencePipeline,
  InferencePipelineSpec,
  Resources,
} from '../api/types.gen.ts';

type Quantities = Record<string, string>;
interface Preset {
  replicas: [min: number, max: number];
  requests: Quantities;
  limits: Quantities;
  auth: 'None' | 'Key';
  disruptionBudget: boolean;
  exposeErrors: boolean;
}

const PRESETS: Record<InferencePipelineSpec['target'], Preset> = {
  Development: {
    replicas: [1, 1],
    requests: { cpu: '100m', memory: '256Mi' },
    limits: { cpu: '1', memory: '512Mi' },
    auth: 'None',
    disruptionBudget: false,
    exposeErrors: true,
  },
  Production: {
    replicas: [2, 10],
    requests: { cpu: '500m', memory: '512Mi' },
    limits: { cpu: '1', memory: '1Gi' },
    auth: 'Key',
    disruptionBudget: true,
    exposeErrors: false,
  },
  Managed: {
    replicas: [0, 10],
    requests: { cpu: '500m', memory: '512Mi' },
    limits: { cpu: '1', memory: '1Gi' },
    auth: 'Key',
    disruptionBudget: true,
    exposeErrors: false,
  },
};
const DEFAULTS = {
  requestTimeout: '5s',
  initTimeout: '5m',
  maxConcurrentRequests: 16,
  maxQueueWait: '500ms',
  maxRequestBytes: '16Mi',
  maxBatchSize: 64,
  progressDeadline: '10m',
  revisionHistoryLimit: 5,
  scaleDownDelay: '60s',
};
const CONCURRENCY = 4;
const SCALE_TO_ZERO_AFTER = '10m';
const COLD_START_TIMEOUT = '60s';

/** Whether the pipeline may have no pods. */
export const canScaleToZero = ({ spec }: Pick<InferencePipeline, 'spec'>): boolean => effective(spec).minReplicas === 0;

/** All settings of a pipeline. The user's settings win, and a preset that contradicts one of them is adapted. */
export function effective(spec: InferencePipelineSpec): Effective {
  const preset = PRESETS[spec.target];
  const { scaling = {}, endpoint = {} } = spec;
  const [minReplicas, maxReplicas] = replicas(preset.replicas, scaling);
  return {
    minReplicas,
    maxReplicas,
    ...mergedResources(preset, spec.resources),
    auth: endpoint.auth?.mode ?? preset.auth,
    ...settings(spec),
    metrics: metrics(spec),
    ...(minReplicas === 0 && {
      scaleToZeroAfter: scaling.scaleToZeroAfter ?? SCALE_TO_ZERO_AFTER,
      coldStartTimeout: endpoint.coldStartTimeout ?? COLD_START_TIMEOUT,
    }),
    disruptionBudget: preset.disruptionBudget,
    exposeErrors: preset.exposeErrors,
  };
}

/** The settings without a preset: the user's value or the default. */
function settings({ scoring = {}, scaling = {}, endpoint = {}, rollout = {} }: InferencePipelineSpec): typeof DEFAULTS {
  const set: Partial<Record<keyof typeof DEFAULTS, string | number | undefined>> = {
    requestTimeout: endpoint.requestTimeout,
    initTimeout: endpoint.initTimeout,
    maxConcurrentRequests: endpoint.maxConcurrentRequests,
    maxQueueWait: endpoint.maxQueueWait,
    maxRequestBytes: endpoint.maxRequestBytes,
    maxBatchSize: scoring.maxBatchSize,
    progressDeadline: rollout.progressDeadline,
    revisionHistoryLimit: rollout.revisionHistoryLimit,
    scaleDownDelay: scaling.scaleDownDelay,
  };
  return { ...DEFAULTS, ...Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined)) };
}

/**
 * The default metric is the number of requests in progress. The target value is at most what a pod works on at the same
 * time.
 */
function metrics({ scaling = {}, endpoint = {} }: InferencePipelineSpec): EffectiveMetric[] {
  return (
    scaling.metrics ?? [
      {
        type: 'Concurrency',
        averageValue: Math.min(CONCURRENCY, endpoint.maxConcurrentRequests ?? DEFAULTS.maxConcurrentRequests),
      },
    ]
  );
}

/** A minimum of the user raises the preset maximum, and a maximum of the user lowers the preset minimum. */
function replicas(
  [presetMin, presetMax]: [number, number],
  { minReplicas, maxReplicas }: { minReplicas?: number; maxReplicas?: number },
): [number, number] {
  return [
    minReplicas ?? Math.min(presetMin, maxReplicas ?? presetMin),
    maxReplicas ?? Math.max(presetMax, minReplicas ?? presetMax),
  ];
}

/**
 * A limit of the user lowers the preset request above it, and a request of the user raises the preset limit below it.
 */
export function mergedResources(
  preset: { requests: Quantities; limits: Quantities },
  set: Resources = {},
): { requests: Quantities; limits: Quantities } {
  const text = (values: Record<string, string | number> = {}): Quantities =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
  const userRequests = text(set.requests);
  const requests = { ...preset.requests, ...userRequests };
  const limits = { ...preset.limits, ...text(set.limits) };
  for (const name of Object.keys(requests)) {
    if (limits[name] === undefined || quantity(requests[name]!) <= quantity(limits[name])) continue;
    if (userRequests[name] !== undefined) limits[name] = requests[name]!;
    else requests[name] = limits[name];
  }
  return { requests, limits };
}
