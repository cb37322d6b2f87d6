/** The pod template of a revision. It is rendered once and stored in the revision's ConfigMap. */
import { ENV, MOUNT, PRE_STOP_SECONDS } from '@penstock/contract';
import type { Container, PodSpec, PodTemplateSpec, Volume } from 'kubernetes-types/core/v1.js';
import { CONTAINER, mainContainer } from '../api/containers.ts';
import { LABEL, MANAGED_BY } from '../api/labels.ts';
import { durationSeconds } from '../api/units.ts';
import {
  commonPodSpec,
  fetchContainer,
  fetchVolumes,
  MODELS_VOLUME,
  modelsMebibytes,
  modelsVolume,
  PACKAGES_VOLUME,
  TMP_VOLUME,
} from './fetching.ts';
import { podSelector } from './meta.ts';
import { names } from './names.ts';
import { hasNpmPackages, npmInstallContainer, npmVolumes } from './npm.ts';
import {
  installContainer,
  PYTHON_VOLUMES,
  pythonContainer,
  pythonVolumes,
  WORKER_MOUNT,
  type PythonInput,
} from './python.ts';
import { serverContainer } from './server.ts';
import { modelDir, podResources, scorer, type TemplateInput } from './scorer.ts';
import { isPython } from './script.ts';

const DRAIN_MARGIN_SECONDS = 10;

export function podTemplate(input: TemplateInput): PodTemplateSpec {
  const { pipeline, revision, effective, config } = input;
  const python = pythonInput(input);
  const { placement = {}, podMetadata = {}, serviceAccountName } = pipeline.spec;
  const selector = podSelector(pipeline.metadata.name, revision);
  const spec: PodSpec = {
    ...commonPodSpec(config, serviceAccountName),
    ...(placement as Pick<PodSpec, 'nodeSelector' | 'tolerations' | 'affinity' | 'priorityClassName'>),
    ...(effective.disruptionBudget ? { topologySpreadConstraints: spread(selector) } : {}),
    terminationGracePeriodSeconds: PRE_STOP_SECONDS + durationSeconds(effective.requestTimeout) + DRAIN_MARGIN_SECONDS,
    initContainers: [...fetching(input, python), ...installing(input, python)],
    // the kubelet pulls images and starts containers in this order, and the time of init() counts from the start of the
    // scorer
    containers: [...codeContainer(input, python), scorer(input)],
    volumes: volumes(input, python),
  };
  const labels = {
    ...podMetadata.labels,
    [LABEL.managedBy]: MANAGED_BY,
    [LABEL.name]: 'penstock-scorer',
    [LABEL.instance]: pipeline.metadata.name,
    ...selector,
  };
  const annotations = {
    'kubectl.kubernetes.io/default-container': mainContainer(input.record),
    // volumes that hold nothing that lasts; without this, the cluster autoscaler would keep the node
    'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': [
      MODELS_VOLUME,
      TMP_VOLUME.name,
      ...(python ? PYTHON_VOLUMES : []),
      ...(hasNpmPackages(input.script) ? [PACKAGES_VOLUME] : []),
    ].join(','),
    ...podMetadata.annotations,
  };
  return { metadata: { labels, annotations }, spec };
}

/** What the containers of a script in Python are made of. Undefined for other scripts. */
function pythonInput({ pipeline, record, script, effective, config }: TemplateInput): PythonInput | undefined {
  if (!script || !isPython(script.entry)) return undefined;
  return { spec: pipeline.spec, record, script, modelDir: modelDir(record.models), effective, config };
}

/** The container of the user's code, where it is not the scorer. */
function codeContainer(
  { pipeline: { spec }, record, effective, config }: TemplateInput,
  python?: PythonInput,
): Container[] {
  const { server } = spec.environment ?? {};
  if (python) return [pythonContainer(python)];
  if (!server) return [];
  return [serverContainer({ spec, server, record, modelDir: modelDir(record.models), effective, config })];
}

/** The container that fetches models and, for a script in Python, the package that runs it. */
function fetching(input: TemplateInput, python?: PythonInput): Container[] {
  const { fetches, config } = input;
  if (fetches.length === 0 && !python) return [];
  const container = fetchContainer(CONTAINER.fetch, fetches, {
    ...config,
    resources: podResources(input),
  });
  if (!python) return [container];
  return [
    {
      ...container,
      env: [...container.env, { name: ENV.workerPackage, value: MOUNT.python }],
      volumeMounts: [...container.volumeMounts, WORKER_MOUNT],
    },
  ];
}

/** The container that installs the packages of the script. */
function installing(input: TemplateInput, python?: PythonInput): Container[] {
  if (python) return python.script.requirements === undefined ? [] : [installContainer(python)];
  if (!hasNpmPackages(input.script)) return [];
  return [npmInstallContainer({ ...input.config, resources: podResources(input) })];
}

function volumes(
  { pipeline, revision, fetches, modelBytes, script, config }: TemplateInput,
  python: PythonInput | undefined,
): Volume[] {
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
    ...(python ? pythonVolumes(revision, python.script, config) : []),
    ...(hasNpmPackages(script) ? npmVolumes(revision, config) : []),
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
