/** What users do while things go wrong: each workload is a short life of one pipeline `p` in a namespace of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { selectedRevision } from '../../../operator/api/endpointSlices.ts';
import { KIND } from '../../../operator/api/kinds.ts';
import type { Kind } from '@penstock/kube/api/kinds';
import { ANNOTATION, LABEL } from '../../../operator/api/labels.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { InferencePipelineSpec } from '../../../operator/api/types.gen.ts';
import { waitFor } from '../../support/waitFor.ts';
import type { Admin, AnyObject } from '../../support/control-plane/admin.ts';

export interface Place {
  admin: Admin;
  namespace: string;
  patienceMs: number;
}
export type Workload = (place: Place) => Promise<void>;

/** The smallest that serves. */
export const SCRIPT = 'export const init = () => {}; export const run = (x) => x;';
/** Where a user's own edit of the Service leads: that nothing serves then is no fault of the operator's. */
export const NO_REVISION = 'none';
/** And where one of the activator's slice leads. */
export const NOWHERE = '10.9.9.9';
const play = (how: string): Pick<InferencePipelineSpec, 'environment'> => ({
  environment: { variables: [{ name: 'STAGE', value: how }] },
});

export const pipeline = (namespace: string, spec: InferencePipelineSpec): KubeObject =>
  ({
    apiVersion: 'penstock.dev/v1alpha1',
    kind: 'InferencePipeline',
    metadata: { name: 'p', namespace },
    spec,
  }) as KubeObject;

async function apply({ admin, namespace }: Place, spec: InferencePipelineSpec): Promise<void> {
  await admin.apply(pipeline(namespace, spec));
}

async function model({ admin, namespace }: Place, version: string): Promise<void> {
  await admin.apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `bytes-${version}`, namespace },
    data: { 'm.onnx': `model ${version}` },
  } as KubeObject);
  await admin.apply({
    apiVersion: 'penstock.dev/v1alpha1',
    kind: 'ModelVersion',
    metadata: { name: `m-${version}`, namespace },
    spec: { model: 'm', version, format: 'ONNX', source: { uri: `configmap://bytes-${version}/m.onnx` } },
  } as KubeObject);
}
const serving = (version: string, more: Partial<InferencePipelineSpec> = {}): InferencePipelineSpec => ({
  target: 'Development',
  models: [{ name: 'm', modelVersion: `m-${version}` }],
  ...more,
});

/** Resolves once `check` holds; throws after the place's patience. */
export async function until({ patienceMs }: Place, what: string, check: () => Promise<boolean>): Promise<void> {
  await waitFor(check, patienceMs, { what });
}

/** The condition as it is for the newest generation. */
export async function condition(
  admin: Admin,
  kind: Kind,
  namespace: string,
  type: string,
): Promise<{ status?: string; reason?: string }> {
  const [object] = await admin.list(kind, namespace);
  const { generation } = (object?.metadata ?? {}) as { generation?: number };
  const found = (
    object?.status as
      { conditions?: { type: string; status: string; reason: string; observedGeneration?: number }[] } | undefined
  )?.conditions?.find((one) => one.type === type);
  return found?.observedGeneration === generation ? (found ?? {}) : {};
}
const upToDate = (place: Place): Promise<void> =>
  until(
    place,
    'UpToDate',
    async () => (await condition(place.admin, KIND.pipeline, place.namespace, 'UpToDate')).status === 'True',
  );
const stalled = (place: Place): Promise<void> =>
  until(
    place,
    'Stalled',
    async () => (await condition(place.admin, KIND.pipeline, place.namespace, 'Stalled')).status === 'True',
  );
/** Only the active revision has pods. */
const retired = (place: Place): Promise<void> =>
  until(place, 'one Deployment', async () => (await place.admin.list(KIND.deployment, place.namespace)).length === 1);

const ACTIVATOR = '10.9.0.2';

/** One that is Ready, for who looks. */
async function activator({ admin, namespace }: Place): Promise<void> {
  await admin.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'activator',
      namespace,
      labels: { 'app.kubernetes.io/name': 'penstock', 'app.kubernetes.io/component': 'activator' },
    },
    spec: { containers: [{ name: 'activator', image: 'none' }] },
  } as KubeObject);
  await admin.merge(KIND.pod, namespace, 'activator', {
    subresource: 'status',
    body: {
      status: {
        phase: 'Running',
        podIP: ACTIVATOR,
        podIPs: [{ ip: ACTIVATOR }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    },
  });
}

async function activeDeployment({ admin, namespace }: Place): Promise<AnyObject> {
  const [deployment] = await admin.list(KIND.deployment, namespace);
  return deployment!;
}

/** Whether a child is again as it was, whatever its version. */
export function same(now: AnyObject | undefined, before: AnyObject | undefined): boolean {
  const essence = (object: AnyObject | undefined): string =>
    JSON.stringify([object?.spec, object?.data, object?.metadata.ownerReferences]).replace(
      /\d{4}-\d\d-\d\dT[\d:.]+Z/g,
      'TIME',
    );
  return essence(now) === essence(before);
}

/** Pods that verify this model version are refused, as a quota or a policy would. */
async function refusePods({ admin, namespace }: Place, modelVersion: string): Promise<void> {
  const policies = '/apis/admissionregistration.k8s.io/v1';
  const spec = {
    matchConstraints: {
      resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
    },
    matchConditions: [{ name: 'here', expression: `object.metadata.namespace == '${namespace}'` }],
    validations: [
      {
        expression: `!has(object.metadata.labels) || !('${LABEL.modelVersion}' in object.metadata.labels) || object.metadata.labels['${LABEL.modelVersion}'] != '${modelVersion}'`,
        message: 'refused by the stage',
      },
    ],
  };
  await admin.call('POST', `${policies}/validatingadmissionpolicies`, {
    body: { metadata: { name: namespace }, spec },
  });
  await admin.call('POST', `${policies}/validatingadmissionpolicybindings`, {
    body: { metadata: { name: namespace }, spec: { policyName: namespace, validationActions: ['Deny'] } },
  });
  await sleep(1500); // a policy takes effect within about a second
}

export const WORKLOADS: Record<string, Workload> = {
  'create a Development pipeline with a model': async (place) => {
    await model(place, '1');
    await apply(place, serving('1'));
    await upToDate(place);
  },
  'create a Production pipeline with a script': async (place) => {
    await apply(place, { target: 'Production', scoring: { script: SCRIPT } });
    await upToDate(place);
  },
  'serve a new version of the model': async (place) => {
    await Promise.all([model(place, '1'), model(place, '2')]);
    await apply(place, serving('1', { scaling: { minReplicas: 2, maxReplicas: 2 } }));
    await upToDate(place);
    await apply(place, serving('2', { scaling: { minReplicas: 2, maxReplicas: 2 } }));
    await upToDate(place);
    await retired(place);
  },
  'scale, and scale back': async (place) => {
    const fixed = (count: number): InferencePipelineSpec => ({
      target: 'Development',
      scoring: { script: SCRIPT },
      scaling: { minReplicas: count, maxReplicas: count },
    });
    const sized = (count: number): Promise<void> =>
      until(
        place,
        `${count} pods`,
        async () => ((await activeDeployment(place)).status as { readyReplicas?: number }).readyReplicas === count,
      );
    await apply(place, fixed(1));
    await upToDate(place);
    await apply(place, fixed(3));
    await sized(3);
    await apply(place, fixed(1));
    await sized(1);
  },
  'to zero, woken, and to zero again': async (place) => {
    const { admin, namespace } = place;
    await activator(place);
    await apply(place, {
      target: 'Development',
      scoring: { script: SCRIPT },
      scaling: { minReplicas: 0, maxReplicas: 3, scaleToZeroAfter: '10s' },
    });
    const atZero = (): Promise<void> =>
      until(
        place,
        'at zero, and said so',
        async () =>
          (await condition(admin, KIND.pipeline, namespace, 'ScalingActive')).reason === 'AtZero' &&
          (await admin.list(KIND.pod, namespace)).length === 1,
      );
    await atZero();
    const {
      metadata: { name },
    } = await activeDeployment(place);
    // as the activator would
    await admin.merge(KIND.deployment, namespace, name, { subresource: 'scale', body: { spec: { replicas: 1 } } });
    await until(
      place,
      'put to sleep again',
      async () => Number((await admin.get(KIND.deployment, namespace, name))?.metadata.generation) >= 4,
    );
    await atZero();
  },
  'update to a script whose init() throws': async (place) => {
    await apply(place, { target: 'Development', scoring: { script: SCRIPT } });
    await upToDate(place);
    await apply(place, { target: 'Development', scoring: { script: SCRIPT }, ...play('init-fails') });
    await stalled(place);
    await retired(place);
  },
  'a bad update, then a good one, then back': async (place) => {
    const at = (timeout: string, more = {}): Promise<void> =>
      apply(place, {
        target: 'Development',
        scoring: { script: SCRIPT },
        endpoint: { requestTimeout: timeout },
        ...more,
      });
    await at('1s');
    await upToDate(place);
    await at('2s', play('init-fails'));
    await stalled(place);
    await at('3s');
    await upToDate(place);
    await retired(place);
    await at('1s');
    await upToDate(place);
    await retired(place);
  },
  'change the ConfigMap of the script': async (place) => {
    const { admin, namespace } = place;
    const script = (text: string): Promise<AnyObject> =>
      admin.apply({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'code', namespace },
        data: { 'score.ts': text },
      } as KubeObject);
    await apply(place, {
      target: 'Development',
      scoring: { scriptFrom: { configMap: { name: 'code', key: 'score.ts' } } },
    });
    await until(
      place,
      'the missing ConfigMap is told',
      async () => (await condition(admin, KIND.pipeline, namespace, 'UpToDate')).reason === 'ResourceNotReady',
    );
    await script(SCRIPT);
    await upToDate(place);
    await script(`${SCRIPT} // v2`);
    await until(
      place,
      'a second revision serves',
      async () =>
        ((await admin.get(KIND.pipeline, namespace, 'p'))?.status as { history?: unknown[] }).history?.length === 2,
    );
    await retired(place);
  },
  'from no key to keys': async (place) => {
    await apply(place, { target: 'Development', scoring: { script: SCRIPT } });
    await upToDate(place);
    await apply(place, { target: 'Development', scoring: { script: SCRIPT }, endpoint: { auth: { mode: 'Key' } } });
    await upToDate(place);
    await retired(place);
  },
  'restart by annotation': async (place) => {
    const { admin, namespace } = place;
    await apply(place, { target: 'Development', scoring: { script: SCRIPT } });
    await upToDate(place);
    await admin.merge(KIND.pipeline, namespace, 'p', {
      body: { metadata: { annotations: { 'penstock.dev/restartedAt': '1' } } },
    });
    await until(
      place,
      'a second revision serves',
      async () =>
        ((await admin.get(KIND.pipeline, namespace, 'p'))?.status as { history?: unknown[] }).history?.length === 2,
    );
    await retired(place);
  },
  'another account edits, deletes and strips children': async (place) => {
    const { admin, namespace } = place;
    await apply(place, { target: 'Production', scoring: { script: SCRIPT } });
    await upToDate(place);
    const {
      metadata: { name: revision, uid },
    } = await activeDeployment(place);
    const policy = await admin.get(KIND.networkPolicy, namespace, 'p');
    await admin.remove(KIND.networkPolicy, namespace, 'p');
    await admin.merge(KIND.deployment, namespace, revision, { body: { metadata: { ownerReferences: null } } });
    await admin.merge(KIND.service, namespace, 'p', {
      body: { spec: { selector: { [LABEL.revision]: NO_REVISION } } },
    });
    await admin.remove(KIND.configMap, namespace, revision);
    await until(place, 'everything is restored', async () => {
      const [again, deployment, stable, configMap] = await Promise.all([
        admin.get(KIND.networkPolicy, namespace, 'p'),
        admin.get(KIND.deployment, namespace, revision),
        admin.get(KIND.service, namespace, 'p'),
        admin.get(KIND.configMap, namespace, revision),
      ]);
      const selects = selectedRevision(stable) === revision;
      return (
        again !== undefined &&
        again.metadata.uid !== policy?.metadata.uid &&
        deployment?.metadata.uid === uid &&
        deployment?.metadata.ownerReferences?.length === 1 &&
        selects &&
        configMap !== undefined
      );
    });
  },
  'everything an operator ever does': async (place) => {
    const { admin, namespace } = place;
    await refusePods(place, 'm-refused');
    await Promise.all([model(place, '1'), model(place, 'refused')]);
    const wish = (timeout: string): InferencePipelineSpec => ({
      target: 'Production',
      models: [{ name: 'm', modelVersion: 'm-1' }],
      scoring: { scriptFrom: { configMap: { name: 'code', key: 'score.ts' } } },
      endpoint: { requestTimeout: timeout },
      rollout: { revisionHistoryLimit: 0 },
    });
    await admin.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'code', namespace },
      data: { 'score.ts': SCRIPT },
    } as KubeObject);
    await apply(place, wish('1s'));
    await upToDate(place);
    const {
      metadata: { name: revision },
    } = await activeDeployment(place);
    const merge = (kind: Kind, name: string, body: object): Promise<AnyObject> =>
      admin.merge(kind, namespace, name, { body });
    const spoiled: [Kind, string, object][] = [
      [KIND.service, 'p', { spec: { selector: { [LABEL.revision]: NO_REVISION } } }],
      [KIND.deployment, revision, { spec: { progressDeadlineSeconds: 7 } }],
      [KIND.autoscaler, revision, { spec: { maxReplicas: 7 } }],
      [KIND.disruptionBudget, revision, { spec: { maxUnavailable: 7 } }],
      [KIND.networkPolicy, 'p', { spec: { ingress: [] } }],
      [KIND.configMap, 'p-traffic', { data: { 'traffic.json': '{}' } }],
      [KIND.configMap, revision, { metadata: { ownerReferences: null } }],
    ];
    for (const [kind, name, body] of spoiled) {
      const before = await admin.get(kind, namespace, name);
      await merge(kind, name, body);
      await until(place, `${kind.kind} ${name} is restored`, async () =>
        same(await admin.get(kind, namespace, name), before),
      );
    }
    await merge(KIND.pipeline, 'p', { metadata: { annotations: { [ANNOTATION.deleteKeys]: 'true' } } });
    await until(
      place,
      'the pipeline owns its keys',
      async () => (await admin.get(KIND.secret, namespace, 'p-keys'))?.metadata.ownerReferences?.length === 1,
    );
    const policy = (await admin.get(KIND.networkPolicy, namespace, 'p'))!;
    await admin.create({
      ...policy,
      metadata: {
        name: 'p-copy',
        namespace,
        labels: policy.metadata.labels!,
        ownerReferences: policy.metadata.ownerReferences!,
      },
    });
    await until(
      place,
      'a copy that claims to be ours is pruned',
      async () => (await admin.get(KIND.networkPolicy, namespace, 'p-copy')) === undefined,
    );
    await until(place, 'the refusal of pods is told', async () =>
      (
        (await admin.get(KIND.modelVersion, namespace, 'm-refused'))?.status as { conditions: { message: string }[] }
      ).conditions[0]!.message.includes('refused by the stage'),
    );
    const job = (await admin.list(KIND.job, namespace))[0]!.metadata.name;
    await merge(KIND.job, job, { metadata: { ownerReferences: null } });
    await until(
      place,
      'the Job is adopted again',
      async () => (await admin.get(KIND.job, namespace, job))?.metadata.ownerReferences?.length === 1,
    );
    const nameless: [Kind, string][] = [
      ...spoiled.map(([kind, name]): [Kind, string] => [kind, name]),
      [KIND.job, job],
    ];
    for (const [kind, name] of nameless) await merge(kind, name, { metadata: { labels: { [LABEL.managedBy]: null } } });
    for (const [kind, name] of nameless)
      await until(
        place,
        `${kind.kind} ${name} has its label again`,
        async () => (await admin.get(kind, namespace, name))?.metadata.labels?.[LABEL.managedBy] === 'penstock',
      );
    await admin.remove(KIND.job, namespace, job);
    await until(place, 'the Job is made again', async () => (await admin.get(KIND.job, namespace, job)) !== undefined);
    await apply(place, wish('2s'));
    await until(
      place,
      'only the new revision is left',
      async () =>
        (await admin.list(KIND.deployment, namespace)).length === 1 &&
        (await activeDeployment(place)).metadata.name !== revision &&
        (await admin.get(KIND.configMap, namespace, revision)) === undefined,
    );
    await activator(place);
    await apply(place, { ...wish('2s'), scaling: { minReplicas: 0, scaleToZeroAfter: '10s' } });
    await admin.merge(KIND.deployment, namespace, (await activeDeployment(place)).metadata.name, {
      subresource: 'scale',
      body: { spec: { replicas: 1 } },
    }); // as the autoscaler would
    await until(
      place,
      'at zero',
      async () => (await condition(admin, KIND.pipeline, namespace, 'ScalingActive')).reason === 'AtZero',
    );
    await merge(KIND.endpointSlice, 'p-activator', {
      endpoints: [{ addresses: [NOWHERE], conditions: { ready: false } }],
    });
    await until(place, 'the activator is in front again', async () =>
      JSON.stringify((await admin.get(KIND.endpointSlice, namespace, 'p-activator'))?.endpoints ?? []).includes(
        ACTIVATOR,
      ),
    );
    await merge(KIND.endpointSlice, 'p-activator', { metadata: { labels: { [LABEL.managedBy]: null } } });
    await until(
      place,
      'the slice has its label again',
      async () =>
        (await admin.get(KIND.endpointSlice, namespace, 'p-activator'))?.metadata.labels?.[LABEL.managedBy] ===
        'penstock',
    );
    await apply(place, wish('2s'));
    await admin.create({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'p-pods',
        namespace,
        labels: { [LABEL.managedBy]: 'penstock', [LABEL.pipeline]: 'p', 'kubernetes.io/service-name': 'p' },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.9.0.1'], conditions: { ready: true } }],
      ports: [],
    } as KubeObject); // as the control plane would
    await until(
      place,
      'it serves, and the activator is out of the way',
      async () => (await admin.get(KIND.endpointSlice, namespace, 'p-activator')) === undefined,
    );
    // it is tried again and again, so its status is never the same
    await admin.remove(KIND.modelVersion, namespace, 'm-refused');
  },
  'delete a pipeline, and make it again': async (place) => {
    const { admin, namespace } = place;
    await model(place, '1');
    await apply(place, serving('1'));
    await upToDate(place);
    await admin.remove(KIND.pipeline, namespace, 'p');
    await until(
      place,
      'no child is left',
      async () =>
        (
          await Promise.all(
            [KIND.deployment, KIND.service, KIND.networkPolicy].map((kind) => admin.list(kind, namespace)),
          )
        ).flat().length === 0,
    );
    await apply(place, serving('1', { endpoint: { requestTimeout: '1s' } }));
    await upToDate(place);
  },
};
