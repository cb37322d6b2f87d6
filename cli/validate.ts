/** Validates manifests as the API server does: first the CRD's schema, then its CEL rules, with the same messages. */
import { Environment } from '@marcbachmann/cel-js';
import { Ajv, type ErrorObject } from 'ajv';
import { quantity } from '../operator/api/units.ts';

type Schema = Record<string, unknown> & {
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema;
  'x-kubernetes-validations'?: { rule: string; message: string }[];
  'x-kubernetes-int-or-string'?: boolean;
};

export interface Crd {
  spec: { names: { kind: string }; versions: { schema: { openAPIV3Schema: Schema } }[] };
}

/**
 * The errors of an object of the CRD's kind, one sentence each. Transition rules are not evaluated, since there is no
 * old object.
 */
export function problemsOf(object: object, crd: Crd): string[] {
  const schema = crd.spec.versions[0]!.schema.openAPIV3Schema;
  const check = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(jsonSchema(schema, true));
  return check(object) ? broken(object, schema, '') : (check.errors ?? []).map(sentence);
}

/** The CRD's schema as JSON Schema. Unknown fields are errors. */
function jsonSchema({ properties, items, additionalProperties, ...own }: Schema, isRoot = false): Schema {
  const {
    'x-kubernetes-validations': _,
    'x-kubernetes-int-or-string': either,
    anyOf,
    maxLength,
    pattern,
    ...plain
  } = own;
  if (either)
    return {
      anyOf: [{ type: 'integer' }, { type: 'string', maxLength, pattern }].map(
        (one) => JSON.parse(JSON.stringify(one)) as Schema,
      ),
    };
  const inner =
    properties &&
    Object.fromEntries(
      Object.entries(properties).map(([name, part]) => [
        name,
        isRoot && ['metadata', 'status'].includes(name) ? { type: 'object' } : jsonSchema(part),
      ]),
    );
  return JSON.parse(
    JSON.stringify({
      ...plain,
      anyOf,
      maxLength,
      pattern,
      ...(inner && { properties: inner, additionalProperties: false }),
      ...(items && { items: jsonSchema(items) }),
      ...(additionalProperties && { additionalProperties: jsonSchema(additionalProperties) }),
    }),
  ) as Schema;
}

/** The message of an error in the form of the API server. */
function sentence({ instancePath, keyword, params, message = '' }: ErrorObject): string {
  const path = dotted(instancePath);
  const field = (name: string): string => (path === '' ? name : `${path}.${name}`);
  switch (keyword) {
    case 'required':
      return `${field((params as { missingProperty: string }).missingProperty)}: Required value`;
    case 'additionalProperties':
      return `unknown field "${field((params as { additionalProperty: string }).additionalProperty)}"`;
    case 'enum':
      return `${path}: Unsupported value: supported values: ${(params as { allowedValues: unknown[] }).allowedValues.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'pattern':
      return `${path}: Invalid value: ${path} in body should match '${(params as { pattern: string }).pattern}'`;
    default:
      return `${path}: Invalid value: ${path} in body ${message}`;
  }
}

const dotted = (pointer: string): string =>
  pointer
    .slice(1)
    .replaceAll(/\/(\d+)/g, '[$1]')
    .replaceAll('/', '.');

class Quantity {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** The CEL environment with those Kubernetes extensions that the CRDs' rules use. */
const cel = new Environment({ unlistedVariablesAreDyn: true })
  .registerType('Quantity', Quantity)
  .registerFunction('quantity(string): Quantity', (text: string) => new Quantity(quantity(text)))
  .registerFunction('Quantity.add(Quantity): Quantity', (a: Quantity, b: Quantity) => new Quantity(a.value + b.value))
  .registerFunction('Quantity.compareTo(Quantity): int', (a: Quantity, b: Quantity) =>
    BigInt(Math.sign(a.value - b.value)),
  );

/** The messages of the rules that fail, outer schemas first. */
function broken(
  value: unknown,
  { properties = {}, items, additionalProperties, 'x-kubernetes-validations': rules = [] }: Schema,
  path: string,
): string[] {
  const own = rules
    .filter(({ rule }) => !rule.includes('oldSelf') && cel.evaluate(rule, { self: celValue(value) }) !== true)
    .map(({ message }) => `${path === '' ? '' : `${path}: `}${message}`);
  const inner = Array.isArray(value)
    ? value.flatMap((item, i) => (items ? broken(item, items, `${path}[${i}]`) : []))
    : Object.entries(typeof value === 'object' && value !== null ? value : {}).flatMap(([name, part]) => {
        const schema = properties[name] ?? additionalProperties;
        return schema && name !== 'status' ? broken(part, schema, path === '' ? name : `${path}.${name}`) : [];
      });
  return [...own, ...inner];
}

/** Converts integers to BigInt, which is CEL's int in JavaScript. */
function celValue(value: unknown): unknown {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  if (Array.isArray(value)) return value.map(celValue);
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, celValue(part)]))
    : value;
}
