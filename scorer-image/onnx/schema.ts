/**
 * ONNX's published schema (onnx-ml.proto of onnx 1.23, as onnx-ml.json), read by protobufjs. The types below have the
 * fields that Penstock reads. 64-bit integers are numbers, which is exact up to 2^53.
 */
import protobuf from 'protobufjs/light.js';
import descriptor from './onnx-ml.json' with { type: 'json' };

protobuf.util.Long = null as never;
protobuf.configure();
const root = protobuf.Root.fromJSON(descriptor);

/** The message types that are read from files; `fieldsById` has the type of each field. */
export const MODEL: protobuf.Type = root.lookupType('onnx.ModelProto');
export const NODE: protobuf.Type = root.lookupType('onnx.NodeProto');
export const OPERATOR_SET: protobuf.Type = root.lookupType('onnx.OperatorSetIdProto');
export const VALUE_INFO: protobuf.Type = root.lookupType('onnx.ValueInfoProto');

/** TensorProto.DataType, by the datatype of the Open Inference Protocol. */
export const ELEMENT: Readonly<Record<number, string>> = {
  1: 'FP32',
  2: 'UINT8',
  3: 'INT8',
  4: 'UINT16',
  5: 'INT16',
  6: 'INT32',
  7: 'INT64',
  8: 'BYTES',
  9: 'BOOL',
  10: 'FP16',
  11: 'FP64',
  12: 'UINT32',
  13: 'UINT64',
};

export interface TensorProto {
  name?: string;
  dims: number[];
  dataType?: number;
  rawData?: Uint8Array;
  /** 1: the data is in another file. */
  dataLocation?: number;
  floatData: number[];
  int32Data: number[];
  int64Data: number[];
}

export interface AttributeProto {
  name: string;
  f?: number;
  i?: number;
  s?: Uint8Array;
  t?: TensorProto;
  floats: number[];
  ints: number[];
  strings: Uint8Array[];
  g?: object;
  graphs: object[];
  docString?: string;
}

/** Mark in the documentation of an attribute whose values were left out. */
export const CUT = 'values were left out';
export const isCut = ({ docString }: AttributeProto): boolean => docString === CUT;

export interface NodeProto {
  name?: string;
  opType: string;
  domain?: string;
  input: string[];
  output: string[];
  attribute: AttributeProto[];
}

export interface DimensionProto {
  dimValue?: number;
  dimParam?: string;
}

export interface ValueInfoProto {
  name: string;
  type?: { tensorType?: { elemType?: number; shape?: { dim: DimensionProto[] } } | null };
}

export interface GraphProto {
  node: NodeProto[];
  initializer: TensorProto[];
  sparseInitializer: { values?: TensorProto }[];
  input: ValueInfoProto[];
  output: ValueInfoProto[];
}

export interface ModelProto {
  irVersion?: number;
  graph?: GraphProto;
  opsetImport: { domain?: string; version?: number }[];
  functions: { name?: string; domain?: string }[];
  metadataProps: { key?: string; value?: string }[];
}

/** The domain for looking operators up; the standard domain has two names. */
export const domainOf = (domain: string | undefined): string =>
  domain === undefined || domain === 'ai.onnx' ? '' : domain;

const text = new TextDecoder();
/** A bytes field that holds text. */
export const textOf = (bytes: Uint8Array): string => text.decode(bytes);

/** The attribute of a node with that name. */
export const attributeOf = (node: NodeProto, name: string): AttributeProto | undefined =>
  node.attribute.find((one) => one.name === name);
