/** Derives TypeScript types, the chart's templates and docs/api.md from crds/*.yaml. */
import * as yaml from 'js-yaml';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const COMMAND = 'npm run generate';

/**
 * Titles of schemas that are Kubernetes' own. Their types come from kubernetes-types, and docs/api.md links to the
 * Kubernetes documentation.
 */
const KUBERNETES_TYPES = new Set(['Affinity']);

interface Schema {
  type?: string;
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  enum?: string[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-validations'?: { rule: string; message: string }[];
}
interface Version {
  name: string;
  /** The version in which objects are stored, and that the operator's code uses. */
  storage: boolean;
  schema: { openAPIV3Schema: Schema };
}
interface Crd {
  spec: {
    names: { kind: string; plural: string; shortNames: string[] };
    group: string;
    versions: Version[];
  };
}

/** Every derived file by its path from the root of the repository. */
export async function generated(root: string): Promise<Record<string, string>> {
  const files = ['inferencepipelines', 'modelversions'];
  const texts = files.map((file) => readFileSync(join(root, 'crds', `${file}.yaml`), 'utf8'));
  const crds = texts.map((text) => yaml.load(text) as Crd);
  const charts = files.map((file, i) => [`charts/penstock/templates/crds/${file}.yaml`, chartTemplate(texts[i]!)]);
  return {
    ...(await typeFiles(crds)),
    'docs/api.md': apiReference(crds),
    ...(Object.fromEntries(charts) as Record<string, string>),
  };
}

/** `types.gen.ts` has the stored version; each other version has a file of its own, such as `types.v1beta1.gen.ts`. */
export async function typeFiles(crds: Crd[]): Promise<Record<string, string>> {
  const files: Record<string, string> = { 'operator/api/types.gen.ts': await types(crds, stored) };
  for (const name of new Set(crds.flatMap(({ spec }) => spec.versions.map((version) => version.name)))) {
    const ofName = (crd: Crd): Version | undefined => crd.spec.versions.find((version) => version.name === name);
    const others = crds.filter((crd) => ofName(crd) && ofName(crd) !== stored(crd));
    if (others.length > 0) files[`operator/api/types.${name}.gen.ts`] = await types(others, (crd) => ofName(crd)!);
  }
  return files;
}

/** Throws for a CRD without a stored version, which the API server refuses. */
function stored({ spec }: Crd): Version {
  const found = spec.versions.find(({ storage }) => storage);
  if (!found) throw new Error(`${spec.names.kind} has no version with storage: true`);
  return found;
}

/** Helm never upgrades a chart's crds/ folder, so the CRDs are templates. The keep policy prevents their deletion. */
function chartTemplate(text: string): string {
  const kept = text.replace('metadata:\n', 'metadata:\n  annotations:\n    helm.sh/resource-policy: keep\n');
  return `{{- /* Printed from crds/ by \`${COMMAND}\`. */ -}}\n{{- if .Values.crds.install }}\n${kept}{{- end }}\n`;
}

async function types(crds: Crd[], versionOf: (crd: Crd) => Version): Promise<string> {
  const known = new Map<string, Schema>();
  const properties: Record<string, Schema> = {};
  for (const crd of crds) {
    const { kind } = crd.spec.names;
    const version = versionOf(crd);
    const schema = shareTitled(structuredClone(version.schema.openAPIV3Schema), known);
    Object.assign(schema, { title: kind, required: ['apiVersion', 'kind', 'metadata', 'spec'] });
    Object.assign(schema.properties!, {
      metadata: { tsType: 'ObjectMeta' },
      apiVersion: { tsType: `'${crd.spec.group}/${version.name}'` },
      kind: { tsType: `'${kind}'` },
    });
    properties[kind] = schema;
  }
  const banner = `// Printed from crds/ by \`${COMMAND}\`: edit the YAML, not this file.\nimport type { ${[...KUBERNETES_TYPES].join(', ')} } from 'kubernetes-types/core/v1.js';\nimport type { ObjectMeta } from '@penstock/kube/api/objects';\n`;
  const text = await compile({ type: 'object', title: 'Kinds', properties } as JSONSchema, 'Kinds', {
    bannerComment: banner,
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    style: { singleQuote: true, printWidth: 140 },
  });
  return text.replace(/export interface Kinds \{[^}]*\}\n/, '');
}

/**
 * One object for all schemas with the same title, so that a type is printed once. Two different schemas with the same
 * title are an error.
 */
function shareTitled(schema: Schema, known: Map<string, Schema>): Schema {
  if (KUBERNETES_TYPES.has(schema.title ?? ''))
    return { description: schema.description, tsType: schema.title } as Schema;
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    schema.properties![name] = shareTitled(property, known);
  if (schema.items) schema.items = shareTitled(schema.items, known);
  if (schema.title === undefined) return schema;
  const first = known.get(schema.title);
  if (!first) known.set(schema.title, schema);
  else if (JSON.stringify({ ...first, description: '' }) !== JSON.stringify({ ...schema, description: '' }))
    throw new Error(`two different schemas have the title ${schema.title}`);
  return first ?? schema;
}

/** docs/api.md: every version of every kind, the newest first as the CRD lists them. */
export function apiReference(crds: Crd[]): string {
  const names = [...new Set(crds.flatMap(({ spec }) => spec.versions.map(({ name }) => name)))];
  const header = `<!-- Printed from crds/ by \`${COMMAND}\`: edit the YAML, not this file. -->
# API reference

Group \`penstock.dev\`, ${names.length > 1 ? 'versions' : 'version'} ${names.map((name) => `\`${name}\``).join(', ')}. All kinds are namespaced, and no field names another namespace.
Defaults that depend on \`target\` are in [targets.md](targets.md).
`;
  const pages = crds.flatMap((crd) => crd.spec.versions.map((version) => apiPage(crd, version, names.length > 1)));
  return header + pages.join('');
}

/** One version of a kind; with `named`, the headings name the version. */
function apiPage(crd: Crd, { name: versionName, schema: versionSchema }: Version, named: boolean): string {
  const { shortNames } = crd.spec.names;
  const kind = named ? `${crd.spec.names.kind} ${versionName}` : crd.spec.names.kind;
  const schema = versionSchema.openAPIV3Schema;
  const top = { ...schema, properties: { spec: schema.properties!.spec!, status: schema.properties!.status! } };
  return `\n## ${kind} (${shortNames.join(', ')})\n\n${schema.description}\n${rules(schema)}${Object.entries(
    top.properties,
  )
    .map(([name, part]) => `\n### ${kind}.${name}\n\n| field | type | meaning |\n|---|---|---|\n${rows(part, '')}`)
    .join('')}`;
}

function rows(schema: Schema, prefix: string): string {
  if (KUBERNETES_TYPES.has(schema.title ?? '')) return '';
  return Object.entries(schema.properties ?? {})
    .map(([name, property]) => {
      const inner = property.items ?? property;
      const path = `${prefix}${name}${property.items ? '[]' : ''}`;
      const required = schema.required?.includes(name) ? ' **required**' : '';
      return `| \`${path}\`${required} | ${typeName(property)} | ${cell(property)}${inner === property ? '' : checks(inner)} |\n${rows(inner, `${path}.`)}`;
    })
    .join('');
}

const cell = (schema: Schema): string =>
  `${(schema.description ?? '').replaceAll('|', '\\|')}${bounds(schema)}${checks(schema)}`;
const checks = (schema: Schema): string =>
  (schema['x-kubernetes-validations'] ?? []).map(({ message }) => ` _Refused: ${message}._`).join('');
const rules = (schema: Schema): string =>
  (schema['x-kubernetes-validations'] ?? []).map(({ message }) => `\n- ${message}`).join('') + '\n';

function typeName(schema: Schema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema['x-kubernetes-int-or-string']) return 'quantity';
  if (schema.items) return `list of ${typeName(schema.items)}`;
  if (typeof schema.additionalProperties === 'object') return `map to ${typeName(schema.additionalProperties)}`;
  return schema.title ?? schema.type ?? 'any';
}

function bounds({ minimum, maximum, maxLength, type }: Schema): string {
  const parts = [
    minimum === undefined ? '' : `from ${minimum}`,
    maximum === undefined ? '' : `to ${maximum}`,
    type === 'string' && maxLength !== undefined ? `at most ${maxLength} characters` : '',
  ].filter(Boolean);
  return parts.length > 0 ? ` (${parts.join(' ')})` : '';
}
