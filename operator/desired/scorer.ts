/** The scorer's container, with its settings. */
import {
  ENV,
  MOUNT,
  OPERATOR_PATH,
  PORT,
  PRE_STOP_SECONDS,
  SCORER_COMMAND,
  type MountedModel,
} from '@penstock/contract';
import type { Container, EnvVar } from 'kubernetes-types/core/v1.js';
import { CONTAINER, mainContainer } from '../api/containers.ts';
import type { RevisionRecord, Script } from '../api/observed.ts';
import type { RenderConfig } from '../api/renderConfig.ts';
import type { Effective, InferencePipeline } from '../api/types.gen.ts';
import { durationMs, durationSeconds, quantity } from '../api/units.ts';
import { MODELS_MOUNT, scorerResources, scorerVariables, TMP_MOUNT } from './codeContainer.ts';
import {
  modelsMebibytes,
  packagesMebibytes,
  RESTRICTED,
  withDisk,
  type ContainerResources,
  type Fetch,
} from './fetching.ts';
import { hasNpmPackages, NPM_MOUNT } from './npm.ts';
import { WORKER_MOUNT } from './python.ts';
import { ownServer } from './server.ts';
import { isPython } from './script.ts';

/** What a pod template is rendered from. */
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

const STARTUP_MARGIN_SECONDS = 30;
/** The server of a new process listens within this time, also on a busy node. */
const LISTEN_SECONDS = 30;

export function scorer(input: TemplateInput): Container {
  const { pipeline, revision, record, script, effective, modelBytes, config } = input;
  const variables = (pipeline.spec.environment?.variables ?? []) as EnvVar[];
  const python = isPython(record.entry);
  const isInFront = mainContainer(record) !== CONTAINER.scorer;
  const probe = (path: string) => ({ httpGet: { path, port: 'operator' as unknown as number } });
  const startSeconds = durationSeconds(effective.initTimeout) + STARTUP_MARGIN_SECONDS;
  return {
    name: CONTAINER.scorer,
    image: config.scorerImage,
    imagePullPolicy: config.imagePullPolicy,
    args: [SCORER_COMMAND.serve],
    ports: [
      { name: 'http', containerPort: PORT.user },
      { name: 'operator', containerPort: PORT.operator },
    ],
    env: [
      ...(isInFront ? scorerVariables(variables) : variables),
      ...environment(pipeline, revision, record, effective),
    ],
    resources: isInFront ? scorerResources(effective, modelsMebibytes(modelBytes)) : podResources(input),
    startupProbe: {
      ...probe(OPERATOR_PATH.startup),
      // The response waits for init(). A probe fails before the server listens, when init() has failed, or when no
      // response comes in time.
      initialDelaySeconds: 1,
      periodSeconds: 1,
      timeoutSeconds: startSeconds,
      failureThreshold: LISTEN_SECONDS,
    },
    readinessProbe: { ...probe(OPERATOR_PATH.ready), periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 },
    livenessProbe: { ...probe(OPERATOR_PATH.live), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: RESTRICTED,
    volumeMounts: [
      MODELS_MOUNT,
      { name: 'traffic', mountPath: MOUNT.traffic, readOnly: true },
      TMP_MOUNT,
      ...(script ? [{ name: 'script', mountPath: MOUNT.script, readOnly: true }] : []),
      ...(python ? [WORKER_MOUNT] : []),
      ...(hasNpmPackages(script) ? [NPM_MOUNT] : []),
    ],
  };
}

/**
 * Resources of the scorer, and of the containers before it, which so take no more than the user asked for. With a limit
 * for ephemeral storage if the user sets none.
 */
export const podResources = ({ effective, modelBytes, script, config }: TemplateInput): ContainerResources =>
  withDisk(effective, modelsMebibytes(modelBytes) + (hasNpmPackages(script) ? packagesMebibytes(config) : 0));

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
    [ENV.server]: spec.environment?.server && JSON.stringify(ownServer(spec.environment.server)),
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
    valueFrom: { resourceFieldRef: { containerName: CONTAINER.scorer, resource: 'limits.cpu', divisor: '1m' } },
  };
  return [...Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }])), cpu];
}

/** As on Azure ML: the folder of the only model, or the parent folder of several models. */
export const modelDir = (models: MountedModel[]): string =>
  models.length === 1 ? `${MOUNT.models}/${models[0]!.name}` : MOUNT.models;
