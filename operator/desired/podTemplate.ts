/** The pod template of a revision. It is rendered once and stored in the revision's ConfigMap. */
import {
  ENV,
  MOUNT,
  OPERATOR_PATH,
  PORT,
  PRE_STOP_SECONDS,
  SCORER_COMMAND,
  type MountedModel,
} from '@penstock/contract';
import type { Container, EnvVar, PodSpec, PodTemplateSpec, Volume } from 'kubernetes-types/core/v1.js';
import { LABEL, MANAGED_BY } from '../api/labels.ts';
import type { RenderConfig, RevisionRecord, Script } from '../api/observed.ts';
import type { Effective, InferencePipeline } from '../api/types.gen.ts';
import { durationMs, durationSeconds, quantity } from '../api/units.ts';
import {
  diskResources,
  fetchContainer,
  fetchVolumes,
  modelsMebibytes,
  modelsVolume,
  POD_SECURITY,
  RESTRICTED,
  TMP_VOLUME,
  type Fetch,
} from './fetching.ts';
import { podSelector } from './meta.ts';
import { names } from './names.ts';

const STARTUP_MARGIN_SECONDS = 30;
const DRAIN_MARGIN_SECONDS = 10;

export interface TemplateInput {
  pipeline: InferencePipeline;
  revision: string;
  record: RevisionRecord;
  fetches: Fetch[];
  modelBytes: number;
  script: Script | undefined;
  effective: Effective;
  config: RenderConfig;
}

export function podTemplate(input: TemplateInput): PodTemplateSpec {
  const { pipeline, revision, effective, fetches, config } = input;
  const { placement = {}, podMetadata = {}, serviceAccountName } = pipeline.spec;
  const selector = podSelector(pipeline.metadata.name, revision);
  const image = { image: config.scorerImage, imagePullPolicy: config.imagePullPolicy };
  const spec: PodSpec = {
    ...POD_SECURITY,
    ...(serviceAccountName === undefined ? {} : { serviceAccountName }),
    ...(config.imagePullSecrets.length > 0
      ? { imagePullSecrets: config.imagePullSecrets.map((name) => ({ name })) }
      : {}),
    ...(placement as Pick<PodSpec, 'nodeSelector' | 'tolerations' | 'affinity' | 'priorityClassName'>),
    ...(effective.disruptionBudget ? { topologySpreadConstraints: spread(selector) } : {}),
    terminationGracePeriodSeconds: PRE_STOP_SECONDS + durationSeconds(effective.requestTimeout) + DRAIN_MARGIN_SECONDS,
    initContainers: fetches.length > 0 ? [fetchContainer(SCORER_COMMAND.fetch, fetches, config)] : [],
    containers: [scorer(input, image)],
    volumes: volumes(input),
  };
  const labels = {
    ...podMetadata.labels,
    [LABEL.managedBy]: MANAGED_BY,
    [LABEL.name]: 'penstock-scorer',
    [LABEL.instance]: pipeline.metadata.name,
    ...selector,
  };
  const annotations = { 'kubectl.kubernetes.io/default-container': 'scorer', ...podMetadata.annotations };
  return { metadata: { labels, annotations }, spec };
}

function scorer(
  { pipeline, revision, record, script, effective, modelBytes }: TemplateInput,
  image: Pick<Container, 'image' | 'imagePullPolicy'>,
): Container {
  const probe = (path: string) => ({ httpGet: { path, port: 'operator' as unknown as number } });
  return {
    name: 'scorer',
    ...image,
    args: [SCORER_COMMAND.serve],
    ports: [
      { name: 'http', containerPort: PORT.user },
      { name: 'operator', containerPort: PORT.operator },
    ],
    env: [
      ...((pipeline.spec.environment?.variables ?? []) as EnvVar[]),
      ...environment(pipeline, revision, record, effective),
    ],
    resources: resources(effective, modelBytes),
    startupProbe: {
      ...probe(OPERATOR_PATH.startup),
      periodSeconds: 1,
      timeoutSeconds: 2,
      failureThreshold: durationSeconds(effective.initTimeout) + STARTUP_MARGIN_SECONDS,
    },
    readinessProbe: { ...probe(OPERATOR_PATH.ready), periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 },
    livenessProbe: { ...probe(OPERATOR_PATH.live), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: RESTRICTED,
    volumeMounts: [
      { name: 'models', mountPath: MOUNT.models, readOnly: true },
      { name: 'traffic', mountPath: MOUNT.traffic, readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
      ...(script ? [{ name: 'script', mountPath: MOUNT.script, readOnly: true }] : []),
    ],
  };
}

/** The effective resources, with a limit for ephemeral storage if the user sets none. */
function resources({ requests, limits }: Effective, modelBytes: number): NonNullable<Container['resources']> {
  if (limits['ephemeral-storage'] ?? requests['ephemeral-storage']) return { requests, limits };
  const disk = diskResources(modelsMebibytes(modelBytes));
  return { requests: { ...requests, ...disk.requests }, limits: { ...limits, ...disk.limits } };
}

function environment(
  { metadata, spec }: InferencePipeline,
  revision: string,
  record: RevisionRecord,
  effective: Effective,
): EnvVar[] {
  const values: Record<string, string | undefined> = {
    [ENV.pipeline]: metadata.name,
    [ENV.revision]: revision,
    [ENV.models]: JSON.stringify(record.models),
    [ENV.script]: record.entry,
    [ENV.modelDir]: modelDir(record.models),
    [ENV.auth]: effective.auth,
    [ENV.exposeErrors]: String(effective.exposeErrors),
    [ENV.requestTimeoutMs]: String(durationMs(effective.requestTimeout)),
    [ENV.initTimeoutMs]: String(durationMs(effective.initTimeout)),
    [ENV.maxConcurrentRequests]: String(effective.maxConcurrentRequests),
    [ENV.maxQueueWaitMs]: String(durationMs(effective.maxQueueWait)),
    [ENV.maxBatchSize]: String(effective.maxBatchSize),
    [ENV.joinUnknown]: (spec.scoring?.maxBatchSize ?? 1) > 1 ? 'true' : undefined,
    [ENV.maxRequestBytes]:
      spec.endpoint?.maxRequestBytes === undefined ? undefined : String(quantity(effective.maxRequestBytes)),
    [ENV.test]: spec.scoring?.test && JSON.stringify(spec.scoring.test),
  };
  const cpu: EnvVar = {
    name: ENV.cpuMillis,
    valueFrom: { resourceFieldRef: { containerName: 'scorer', resource: 'limits.cpu', divisor: '1m' } },
  };
  return [...Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }])), cpu];
}

/** As on Azure ML: the folder of the only model, or the parent folder of several models. */
export const modelDir = (models: MountedModel[]): string =>
  models.length === 1 ? `${MOUNT.models}/${models[0]!.name}` : MOUNT.models;

function volumes({ pipeline, revision, fetches, modelBytes, script }: TemplateInput): Volume[] {
  return [
    modelsVolume(modelsMebibytes(modelBytes)),
    { name: 'traffic', configMap: { name: names.traffic(pipeline.metadata.name) } },
    TMP_VOLUME,
    ...(script
      ? [
          {
            name: 'script',
            configMap: {
              name: revision,
              items: Object.keys({ ...script.files, ...script.binaries }).map((file) => ({
                key: scriptKey(file),
                path: file,
              })),
            },
          },
        ]
      : []),
    ...fetchVolumes(fetches).volumes,
  ];
}

/** The key of a script file in the revision's ConfigMap. */
export const scriptKey = (file: string): string => `script.${file}`;

function spread(matchLabels: Record<string, string>): NonNullable<PodSpec['topologySpreadConstraints']> {
  return ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels },
  }));
}
