/**
 * Arbitrary specs out of our own CRD schema: every field there is gets a value, is left out, or gets one that cannot
 * be.
 */
import fc from 'fast-check';
import * as yaml from 'js-yaml';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InferencePipelineSpec } from '../../../operator/api/types.gen.ts';
import { root } from '../../../hack/cluster/paths.ts';
import { SCRIPT } from '../fault-injection/workloads.ts';

export interface Schema {
  type?: string;
  enum?: string[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
}

const crd = yaml.load(readFileSync(join(root, 'crds/inferencepipelines.yaml'), 'utf8')) as {
  spec: { versions: { schema: { openAPIV3Schema: { properties: { spec: Schema } } } }[] };
};
export const specSchema: Schema = crd.spec.versions[0]!.schema.openAPIV3Schema.properties.spec;

/** Values for fields whose schema alone does not say what means something: names of what is there, or is not. */
const KNOWN: Record<string, fc.Arbitrary<unknown>> = {
  '.models[].name': fc.constantFrom('m', 'other'),
  '.models[].modelVersion': fc.constantFrom('m-1', 'm-1', 'm-2', 'm-absent'),
  '.scoring.script': fc.constantFrom(SCRIPT, `${SCRIPT} // two`),
  '.scoring.scriptFrom.configMap.name': fc.constantFrom('code', 'code', 'code-absent'),
  '.scoring.scriptFrom.configMap.key': fc.constantFrom('score.ts', 'absent.ts'),
  '.environment.variables[].name': fc.constantFrom('A', 'B', 'STAGE'),
  '.environment.variables[].value': fc.constantFrom('', 'x', 'ready', 'init-fails'),
  '.environment.variables[].valueFrom.secretKeyRef.name': fc.constantFrom('some', 'other'),
  '.environment.variables[].valueFrom.configMapKeyRef.name': fc.constantFrom('code', 'other'),
  '.scaling.minReplicas': fc.integer({ min: 0, max: 3 }),
  '.scaling.maxReplicas': fc.integer({ min: 1, max: 4 }),
  '.rollout.progressDeadline': fc.constantFrom('10m', '1h', '5s'), // 5s cannot be
  '.placement.affinity': fc.constantFrom(
    {},
    {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 1,
            podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { a: 'b' } } },
          },
        ],
      },
    },
  ),
  '.serviceAccountName': fc.constantFrom('default', 'robot'),
  '.placement.priorityClassName': fc.constant('system-cluster-critical'),
};

/**
 * Any spec, valid or not. In four of five, contradictions between fields are removed. The API server decides whether it
 * is valid.
 */
export const anySpec = fc
  .tuple(fromSchema(specSchema, '') as fc.Arbitrary<InferencePipelineSpec>, fc.integer({ min: 0, max: 4 }))
  .map(([spec, luck]) => (luck > 0 ? consistent(spec) : spec));

/** The paths of all fields, as `.endpoint.auth.mode`. */
export function fieldsOf(schema: Schema, path = ''): string[] {
  if (KNOWN[path]) return [path];
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, one]) => fieldsOf(one, `${path}.${name}`));
  const items = schema.items ? fieldsOf(schema.items, `${path}[]`) : [];
  return inner.length + items.length > 0 ? [...inner, ...items] : [path];
}

function fromSchema(schema: Schema, path: string): fc.Arbitrary<unknown> {
  const known = KNOWN[path];
  if (known) return known;
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema['x-kubernetes-int-or-string']) return fc.constantFrom('100m', '200m', '0.5', 1, '256Mi', '1Gi', 'much');
  if (schema.type === 'object' && schema.properties) return record(schema, path);
  if (schema.type === 'object')
    return fc.dictionary(
      fc.constantFrom(...(/requests|limits/.test(path) ? ['cpu', 'memory'] : ['team', 'a.b/c'])),
      fromSchema(schema.additionalProperties ?? { type: 'string' }, `${path}{}`),
      { maxKeys: 2 },
    );
  if (schema.type === 'array')
    return fc.array(fromSchema(schema.items!, `${path}[]`), {
      minLength: schema.minItems ?? 0,
      maxLength: Math.min(schema.maxItems ?? 2, 2),
    });
  if (schema.type === 'integer')
    return fc.integer({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 10, (schema.minimum ?? 0) + 10) });
  if (schema.type === 'boolean') return fc.boolean();
  return schema.pattern?.includes('(h|m|s|ms)')
    ? fc.constantFrom('1s', '90s', '5m', '0s', '2h')
    : fc.constantFrom('a', 'b-1');
}

/** Required fields always, each other one now and then, so that two specs differ in a few. */
function record({ properties = {}, required = [] }: Schema, path: string): fc.Arbitrary<unknown> {
  const fields = Object.entries(properties).map(
    ([name, schema]) =>
      [
        name,
        required.includes(name)
          ? fromSchema(schema, `${path}.${name}`)
          : fc.option(fromSchema(schema, `${path}.${name}`), { nil: undefined, freq: 2 }),
      ] as const,
  );
  return fc
    .record(Object.fromEntries(fields))
    .map((value) => Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)));
}

const TOO_SHORT = new Set(['0s']);
const TOO_LONG = new Set(['2h']);

/** What the CRD's rules forbid, put right. */
function consistent({
  models,
  scoring,
  environment,
  resources,
  scaling,
  endpoint,
  rollout,
  ...rest
}: InferencePipelineSpec): InferencePipelineSpec {
  const unique = <T extends { name?: string; type?: string }>(items: T[]): T[] =>
    items.filter(
      (item, i) => items.findIndex((other) => (other.name ?? other.type) === (item.name ?? item.type)) === i,
    );
  const some = unique(models ?? []);
  const { script, scriptFrom, maxBatchSize, test } = scoring ?? {};
  const code = script === undefined && scriptFrom !== undefined ? { scriptFrom } : { script: script ?? SCRIPT };
  const variables = unique(environment?.variables ?? []).map(({ name, value, valueFrom }) => {
    const one = valueFrom?.secretKeyRef
      ? { secretKeyRef: valueFrom.secretKeyRef }
      : valueFrom?.configMapKeyRef && { configMapKeyRef: valueFrom.configMapKeyRef };
    return { name, ...(value !== undefined || !one ? { value: value ?? '' } : { valueFrom: one }) };
  });
  const { minReplicas: least, maxReplicas, scaleDownDelay, scaleToZeroAfter, metrics, ...scalingRest } = scaling ?? {};
  const mayRest = (least ?? (rest.target === 'Managed' ? 0 : 1)) === 0;
  const measured = unique(metrics ?? []).map(({ type, averageValue = 4, averageUtilization = 70 }) =>
    type === 'CPU'
      ? { type, averageUtilization }
      : { type, averageValue: Math.min(averageValue, endpoint?.maxConcurrentRequests ?? 16) },
  );
  const requests = Object.fromEntries(
    Object.entries(resources?.requests ?? {}).filter(
      ([name, value]) => (name === 'cpu') === ['100m', '200m', '0.5', 1].includes(value) && value !== 'much',
    ),
  );
  const sound = (text: string | undefined, from: string): text is string =>
    text !== undefined && !TOO_SHORT.has(text) && !TOO_LONG.has(text) && text !== from;
  return {
    ...rest,
    ...(some.length > 0 && { models: some }),
    ...((scoring ?? some.length !== 1) && {
      scoring: { ...code, ...(maxBatchSize !== undefined && { maxBatchSize }), ...(test && { test }) },
    }),
    ...(environment && { environment: { variables } }),
    ...(resources && { resources: { requests } }),
    ...(scaling && {
      scaling: {
        ...scalingRest,
        ...(measured.length > 0 && { metrics: measured }),
        ...(least !== undefined && { minReplicas: least }),
        ...(maxReplicas !== undefined && { maxReplicas: Math.max(maxReplicas, least ?? 1) }),
        ...(sound(scaleDownDelay, '') && { scaleDownDelay }),
        ...(mayRest && sound(scaleToZeroAfter, '1s') && { scaleToZeroAfter }),
      },
    }),
    ...(endpoint && {
      endpoint: {
        ...(endpoint.auth && { auth: endpoint.auth }),
        ...(sound(endpoint.requestTimeout, '') && { requestTimeout: endpoint.requestTimeout }),
        ...(sound(endpoint.initTimeout, '') && { initTimeout: endpoint.initTimeout }),
        ...(endpoint.maxConcurrentRequests !== undefined && { maxConcurrentRequests: endpoint.maxConcurrentRequests }),
        ...(sound(endpoint.maxQueueWait, '') && { maxQueueWait: endpoint.maxQueueWait }),
      },
    }),
    ...(rollout && { rollout: { ...rollout, ...(rollout.progressDeadline === '5s' && { progressDeadline: '10s' }) } }),
  };
}
