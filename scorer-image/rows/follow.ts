/**
 * Whether the rows of a model are independent: follows the batch axis from the inputs to the outputs, operator by
 * operator. An operator without a rule makes the result Unknown, so that a missing rule never leads to a wrong answer.
 * Pure.
 */
import type { RowIndependence } from '@penstock/contract';
import {
  attributeOf,
  domainOf,
  isCut,
  textOf,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../onnx/schema.ts';
import { ALONG_AXES } from './alongAxes.ts';
import { ofConstants } from './constants.ts';
import { CLASSICAL, TEXTS } from './classical.ts';
import { equal, named, number, rows, type Dimension } from './dimension.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { IMAGES } from './images.ts';
import { constantOf, itemsOf } from './initializers.ts';
import { LAYOUT } from './layout.ts';
import { LOOKUP } from './lookup.ts';
import { PRODUCTS } from './products.ts';
import { SIZE_RULES, wholeNumberRule } from './sizes.ts';
import { mixes, Refusal, rowsAt, unknown, type Operator, type Refused, type Rule, type Value } from './value.ts';

/** Whether rows of several requests may share a call, and in one sentence why not. */
export interface RowsVerdict {
  rows: RowIndependence;
  message: string;
}

const RULES: Record<string, Rule> = {
  ...ELEMENTWISE,
  ...LAYOUT,
  ...LOOKUP,
  ...PRODUCTS,
  ...ALONG_AXES,
  ...IMAGES,
  ...CLASSICAL,
  ...TEXTS,
};
/**
 * Operators with another result each time. So are those with graphs as attributes, which read more than their
 * operator's inputs.
 */
const NEVER_FOLLOWED = /^(If|Loop|Scan|SequenceMap|Random\w+|Bernoulli|Multinomial)$/;
/** Rules of these operators take a shape that depends on the number of rows, at this input. */
const SHAPE_INPUT: Partial<Record<string, number>> = { Reshape: 1, Expand: 1, Upsample: 1, Resize: 3 };

/** Follows the batch axis through a model. Never throws. */
export function rowsOf(model: Model): RowsVerdict {
  try {
    return followed(model);
  } catch {
    return { rows: 'Unknown', message: 'the graph cannot be followed' };
  }
}

type Model = Pick<ModelProto, 'opsetImport' | 'functions'> & { graph: GraphProto };

function followed({ graph, opsetImport, functions }: Model): RowsVerdict {
  const opsets = new Map(opsetImport.map(({ domain, version }) => [domainOf(domain), version ?? 1]));
  const own = new Set(functions.map(({ domain, name }) => `${domainOf(domain)}.${name ?? ''}`));
  const values = new Map<string, Value>(graph.initializer.map((tensor) => [tensor.name ?? '', constantOf(tensor)]));
  for (const { values: tensor } of graph.sparseInitializer) values.set(tensor?.name ?? '', { kind: 'constant' });
  let fresh = 0;
  const anyDimension = (): Dimension => named(`#${fresh++}`);
  for (const input of graph.input) if (!values.has(input.name)) values.set(input.name, inputValue(input));
  for (const node of graph.node) {
    const made = valuesOf(node, { values, opsets, own, fresh: anyDimension });
    for (const [i, name] of node.output.entries()) if (name !== '') values.set(name, made[i] ?? made[0]!);
  }
  return verdictOf(graph, values);
}

/**
 * The first dimension of each input is the number of rows and must be open. Other open dimensions are distinct even
 * where they share a name, because requests are not checked for that.
 */
function inputValue({ name, type }: ValueInfoProto): Value {
  const dimensions = type?.tensorType?.shape?.dim;
  if (!dimensions) return refused(unknown(`the shape of input ${name} is not known`));
  const [first, ...others] = dimensions;
  if (!first) return refused(unknown(`input ${name} is a single number`));
  if ((first.dimValue ?? 0) > 0) return refused(unknown(`the first dimension of input ${name} is fixed`));
  return rowsAt(0, [
    rows,
    ...others.map(({ dimValue }, i) => ((dimValue ?? 0) > 0 ? number(dimValue!) : named(`${name}[${i + 1}]`))),
  ]);
}

interface Surroundings {
  values: ReadonlyMap<string, Value>;
  opsets: ReadonlyMap<string, number>;
  own: ReadonlySet<string>;
  fresh: () => Dimension;
}

function valuesOf(node: NodeProto, { values, opsets, own, fresh }: Surroundings): readonly Value[] {
  const domain = domainOf(node.domain);
  const type = domain === '' ? node.opType : `${domain}.${node.opType}`;
  const inputs = node.input.map((name) =>
    name === '' ? undefined : (values.get(name) ?? refused(unknown(`${name} is not known`))),
  );
  const bad = inputs.find((input) => input?.kind === 'refused');
  if (bad) return [bad];
  try {
    if (own.has(`${domain}.${node.opType}`))
      throw unknown(`${type} is a function of the model's own, which is not followed`);
    const operator: Operator = {
      type,
      opset: versionOf(domain, opsets),
      inputs,
      outputs: node.output.filter((name) => name !== '').length,
      places: node.output.length,
      fresh,
      ...attributes(node),
    };
    const made = given(operator, node);
    return Array.isArray(made) ? (made as readonly Value[]) : [made as Value];
  } catch (error) {
    return [refused(error instanceof Refusal ? error : unknown(`${type} cannot be followed`))];
  }
}

function versionOf(domain: string, opsets: ReadonlyMap<string, number>): number {
  const version = opsets.get(domain);
  if (version === undefined)
    throw unknown(`the version of the operators of the domain ${domain || 'ai.onnx'} is not given`);
  return version;
}

function given(operator: Operator, node: NodeProto): Value | readonly Value[] {
  const { type, inputs } = operator;
  if (NEVER_FOLLOWED.test(type) || hasSubgraph(node)) throw unknown(`${type} is not followed`);
  if (type === 'Constant') return constantNode(node);
  const sized = SIZE_RULES[type];
  if (sized) return sized(operator);
  const hasRows = inputs.some((input) => input?.kind === 'rows');
  const integers = hasRows ? undefined : wholeNumberRule(operator);
  if (integers) return integers;
  if (inputs.some((input, i) => input?.kind === 'sizes' && i !== SHAPE_INPUT[type]))
    throw (hasRows ? mixes : unknown)(`${type} computes with the number of rows`);
  return byRule(operator, hasRows);
}

const hasSubgraph = ({ attribute }: NodeProto): boolean =>
  attribute.some(({ g, graphs }) => g !== undefined || graphs.length > 0);

function byRule(operator: Operator, hasRows: boolean): Value | readonly Value[] {
  const { type, inputs } = operator;
  if (!hasRows && inputs.every((input) => input?.kind !== 'sizes')) return ofConstants(operator, RULES[type]);
  const rule = RULES[type];
  if (!rule) throw unknown(`there is no rule for ${type}`);
  return rule(operator);
}

function constantNode(node: NodeProto): Value {
  const tensor = attributeOf(node, 'value')?.t;
  if (tensor) return constantOf(tensor);
  const [one, list] = [attributeOf(node, 'value_int'), attributeOf(node, 'value_ints')];
  if (one?.i !== undefined) return { kind: 'constant', shape: [], items: [number(one.i)] };
  if (list) return { kind: 'constant', shape: [number(list.ints.length)], items: list.ints.map(number) };
  return (attributeOf(node, 'value_float') ?? attributeOf(node, 'value_string'))
    ? { kind: 'constant', shape: [] }
    : { kind: 'constant' };
}

function attributes(node: NodeProto): Pick<Operator, 'int' | 'ints' | 'floats' | 'text' | 'count' | 'has'> {
  const whole = (name: string): AttributeProto | undefined => {
    const attribute = attributeOf(node, name);
    if (attribute && isCut(attribute)) throw unknown(`the attribute ${name} of ${node.opType} is too long to be read`);
    return attribute;
  };
  const tensorItem = (tensor: TensorProto): number => itemsOf(tensor)?.[0]?.factor ?? NaN;
  return {
    int: (name, otherwise) => {
      const attribute = attributeOf(node, name);
      if (!attribute) return otherwise;
      return attribute.t ? tensorItem(attribute.t) : (attribute.i ?? 0);
    },
    ints: (name) => {
      const attribute = whole(name);
      return attribute && attribute.ints.length > 0 ? attribute.ints : undefined;
    },
    floats: (name) => whole(name)?.floats,
    text: (name) => {
      const bytes = whole(name)?.s;
      return bytes && textOf(bytes);
    },
    count: (name) => {
      const attribute = whole(name);
      return attribute ? attribute.ints.length + attribute.strings.length : 0;
    },
    has: (name) => attributeOf(node, name) !== undefined,
  };
}

const refused = ({ verdict, message }: Refusal): Refused => ({ kind: 'refused', verdict, why: message });

function verdictOf({ output }: GraphProto, values: ReadonlyMap<string, Value>): RowsVerdict {
  let unsure: RowsVerdict | undefined;
  for (const { name } of output) {
    const value = values.get(name);
    if (value?.kind === 'refused' && value.verdict === 'Mixed') return { rows: 'Mixed', message: value.why };
    const why = whyNotIndependent(name, value);
    if (why !== undefined) unsure ??= { rows: 'Unknown', message: why };
  }
  return unsure ?? { rows: 'Independent', message: 'each output row depends on its own input row' };
}

function whyNotIndependent(output: string, value: Value | undefined): string | undefined {
  if (value?.kind === 'refused') return value.why;
  const hasRows = value?.kind === 'rows' && value.axis === 0 && equal(value.shape[0]!, rows);
  return hasRows ? undefined : `output ${output} has no row for each row of the inputs`;
}
