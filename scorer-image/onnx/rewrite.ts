/**
 * Removes two things from a model when it is loaded that ONNX Runtime for Node or the machine does not support. The
 * file and its digest stay as they were registered.
 * ZipMap turns the scores of a classifier into a list of maps: the tensor before it is served instead.
 * StringNormalizer needs a locale of the system: where en_US.UTF-8 is missing, C.UTF-8 has the same letters.
 */
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs/light.js';
import { isZipMap, labelsOf } from './describe.ts';
import { attributeOf, MODEL, NODE, OPERATOR_SET, textOf, VALUE_INFO, type NodeProto } from './schema.ts';

const [GRAPH, OPSET_IMPORT] = [7, 8];
const [GRAPH_NODE, GRAPH_OUTPUT] = [1, 12];
const FLOAT = 1;
const IDENTITY_OPSET = 13;
/** ONNX Runtime's default for the attribute `locale` of StringNormalizer on Linux. */
const DEFAULT_LOCALE = 'en_US.UTF-8';
const PORTABLE_LOCALE = 'C.UTF-8';

export interface Rewrite {
  /** Replace each ZipMap. */
  zipMaps: boolean;
  /** Use C.UTF-8 instead of en_US.UTF-8. */
  locale: boolean;
}

/** The bytes of the rewritten model. */
export function rewritten(path: string, rewrite: Rewrite): Uint8Array {
  const file = readFileSync(path);
  const top = fields(file);
  const parts = top.map(({ id, whole, value }) => (id === GRAPH ? field(GRAPH, graph(value, rewrite)) : whole));
  const standard = top.some(
    ({ id, value }) => id === OPSET_IMPORT && !OPERATOR_SET.toObject(OPERATOR_SET.decode(value)).domain,
  );
  if (!standard && rewrite.zipMaps) parts.push(MODEL.encode({ opsetImport: [{ version: IDENTITY_OPSET }] }).finish());
  return Buffer.concat(parts);
}

function graph(bytes: Uint8Array, { zipMaps: replace, locale }: Rewrite): Uint8Array {
  const made = new Map<string, number>();
  const parts = fields(bytes);
  const nodes = parts.map(({ id, whole, value }) => {
    if (
      id !== GRAPH_NODE ||
      !/ZipMap|StringNormalizer/.test(
        Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, 4096)).toString('latin1'),
      )
    )
      return whole;
    const node = NODE.toObject(NODE.decode(value), { arrays: true }) as NodeProto;
    if (replace && isZipMap(node)) {
      made.set(node.output[0]!, labelsOf(node).length);
      return field(
        GRAPH_NODE,
        NODE.encode({ opType: 'Identity', input: node.input, output: node.output, name: node.name }).finish(),
      );
    }
    return locale && node.opType === 'StringNormalizer'
      ? field(GRAPH_NODE, NODE.encode(withLocale(node)).finish())
      : whole;
  });
  return Buffer.concat(
    parts.map(({ id, value }, i) => {
      if (id !== GRAPH_OUTPUT) return nodes[i]!;
      const { name } = VALUE_INFO.toObject(VALUE_INFO.decode(value)) as { name: string };
      const columns = made.get(name);
      if (columns === undefined) return nodes[i]!;
      const dim = [{ dimParam: 'rows' }, columns > 0 ? { dimValue: columns } : { dimParam: 'classes' }];
      return field(
        GRAPH_OUTPUT,
        VALUE_INFO.encode(
          VALUE_INFO.fromObject({ name, type: { tensorType: { elemType: FLOAT, shape: { dim } } } }),
        ).finish(),
      );
    }),
  );
}

function withLocale(node: NodeProto): NodeProto {
  const locale = attributeOf(node, 'locale');
  if (locale?.s && textOf(locale.s) !== DEFAULT_LOCALE) return node;
  return {
    ...node,
    attribute: [
      ...node.attribute.filter((one) => one !== locale),
      { name: 'locale', type: 3, s: Buffer.from(PORTABLE_LOCALE) } as never,
    ],
  };
}

interface Part {
  id: number;
  /** Tag, length and value. */
  whole: Uint8Array;
  value: Uint8Array;
}

/** The fields of a message, in order. */
function fields(bytes: Uint8Array): Part[] {
  const reader = protobuf.Reader.create(bytes);
  const parts: Part[] = [];
  while (reader.pos < reader.len) {
    const from = reader.pos;
    const tag = reader.uint32();
    const value = (tag & 7) === 2 ? reader.bytes() : (reader.skipType(tag & 7), new Uint8Array(0));
    parts.push({ id: tag >>> 3, whole: bytes.subarray(from, reader.pos), value });
  }
  return parts;
}

const field = (id: number, value: Uint8Array): Uint8Array =>
  Buffer.concat([
    protobuf.Writer.create()
      .uint32((id << 3) | 2)
      .uint32(value.length)
      .finish(),
    value,
  ]);
