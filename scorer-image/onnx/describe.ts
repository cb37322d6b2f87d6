/** The signature of a graph, with the names of features and classes. Pure. */
import type { ModelSignature, TensorSignature } from '@penstock/contract';
import {
  attributeOf,
  ELEMENT,
  isCut,
  textOf,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from './schema.ts';

/** Names the input or output that is not a tensor of the protocol. */
export class SignatureError extends Error {}

/** Outputs of ZipMap operators, with the labels of their columns. */
const zipMaps = ({ node }: Pick<GraphProto, 'node'>): Map<string, readonly (string | number)[]> =>
  new Map(node.filter(isZipMap).map((one) => [one.output[0]!, labelsOf(one)]));

export const isZipMap = ({ opType, domain }: NodeProto): boolean => opType === 'ZipMap' && domain === 'ai.onnx.ml';

/** Class labels of a classifier or a ZipMap. */
export function labelsOf(node: NodeProto): readonly (string | number)[] {
  if (node.attribute.some((one) => one.name.startsWith('classlabels') && isCut(one))) return [];
  const texts = attributeOf(node, 'classlabels_strings')?.strings.map(textOf) ?? [];
  return texts.length > 0
    ? texts
    : (attributeOf(node, 'classlabels_int64s')?.ints ?? attributeOf(node, 'classlabels_ints')?.ints ?? []);
}

/** The signature that the graph declares; -1 for an open dimension. Throws SignatureError. */
export function declaredSignature({ graph }: { graph: GraphProto }): ModelSignature {
  const constants = new Set(graph.initializer.map(({ name }) => name));
  const maps = zipMaps(graph);
  const tensor = (value: ValueInfoProto): TensorSignature => {
    const classes = maps.get(value.name);
    return classes ? { name: value.name, datatype: 'FP32', shape: [-1, classes.length || -1] } : declared(value);
  };
  return {
    inputs: graph.input.filter(({ name }) => !constants.has(name)).map(declared),
    outputs: graph.output.map(tensor),
  };
}

function declared({ name, type }: ValueInfoProto): TensorSignature {
  const datatype = ELEMENT[type?.tensorType?.elemType ?? 0];
  if (datatype === undefined) throw new SignatureError(`${name} is not a tensor of a type that is supported`);
  return { name, datatype, shape: (type?.tensorType?.shape?.dim ?? []).map(({ dimValue }) => dimValue ?? -1) };
}

/** Adds the names of the only input's features, and of the classes where an output has one column for each. */
export function described(
  signature: ModelSignature,
  { graph, metadataProps }: { graph: GraphProto } & Pick<ModelProto, 'metadataProps'>,
): ModelSignature {
  const features = featureNames(metadataProps.find(({ key }) => key === 'feature_names')?.value);
  const classes = classNames(signature, graph);
  return {
    inputs: signature.inputs.map((input) =>
      features && signature.inputs.length === 1 && [-1, features.length].includes(input.shape[1] ?? 0)
        ? { ...input, features }
        : input,
    ),
    outputs: signature.outputs.map((output) => {
      const names = classes.get(output.name);
      return names ? { ...output, classes: [...names] } : output;
    }),
  };
}

/** The metadata entry `feature_names`: a JSON list, or names separated by commas. */
function featureNames(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((name) => typeof name === 'string') ? list : undefined;
  } catch {
    return text.split(',').map((name) => name.trim());
  }
}

/**
 * Classes by output: those of a ZipMap; else those of the only classifier, for the only output with as many columns.
 */
function classNames({ outputs }: ModelSignature, graph: GraphProto): Map<string, readonly (string | number)[]> {
  const maps = zipMaps(graph);
  if (maps.size > 0) return maps;
  const classifiers = graph.node
    .filter(({ opType, domain }) => domain === 'ai.onnx.ml' && /^(TreeEnsemble|Linear|SVM)Classifier$/.test(opType))
    .map(labelsOf);
  const [labels] = classifiers;
  const columns = outputs.filter(
    ({ datatype, shape }) => datatype.startsWith('FP') && shape.length === 2 && [labels?.length, -1].includes(shape[1]),
  );
  return classifiers.length === 1 && labels!.length > 0 && columns.length === 1
    ? new Map([[columns[0]!.name, labels!]])
    : new Map<string, never>();
}
