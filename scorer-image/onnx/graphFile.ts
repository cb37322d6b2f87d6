/**
 * Reads the graph of an ONNX file without its weights, so that a model of 2 GB takes a few MB of memory: fields of more
 * than 64 KiB, and values after the first thousand, are skipped in the file.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import protobuf, { type Type } from 'protobufjs/light.js';
import { CUT, MODEL, type GraphProto, type ModelProto } from './schema.ts';

const KEPT_BYTES = 64 * 1024;
const KEPT_VALUES = 1024;
/** AttributeProto's field for a name. */
const DOC_STRING = 13;
/** More bytes than any tag and length have. */
const HEADER_BYTES = 20;

/** Why a file is not an ONNX model. */
export class GraphError extends Error {}

/** A model with a graph, without weights. */
export type GraphOnly = ModelProto & { graph: GraphProto };

/** Throws GraphError for a file that is truncated or not an ONNX model. */
export function readGraph(path: string): GraphOnly {
  const file = new FileWindow(path);
  try {
    const model = MODEL.toObject(MODEL.decode(Buffer.concat(withoutWeights(file, MODEL, 0, file.size))), {
      arrays: true,
    }) as ModelProto;
    if (!model.graph) throw new GraphError('it holds no graph');
    return model as GraphOnly;
  } catch (error) {
    throw error instanceof GraphError
      ? error
      : new GraphError(`its bytes cannot be read (${(error as Error).message})`);
  } finally {
    file.close();
  }
}

/** A file of which 64 KiB are in memory at a time. */
class FileWindow {
  readonly #file: number;
  readonly size: number;
  #from = 0;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(path: string) {
    this.#file = openSync(path, 'r');
    this.size = fstatSync(this.#file).size;
  }

  /** At least `length` bytes at `from`; fewer only at the end of the file. */
  at(from: number, length: number): Uint8Array {
    if (from < this.#from || from + length > this.#from + this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(length, KEPT_BYTES));
      this.#bytes = bytes.subarray(0, readSync(this.#file, bytes, 0, bytes.length, from));
      this.#from = from;
    }
    return this.#bytes.subarray(from - this.#from);
  }

  copy(from: number, to: number): Uint8Array {
    return this.at(from, to - from).slice(0, to - from);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/**
 * Fields whose values may be left out, by message type: the data of tensors, and the lists and strings of attributes.
 */
const MAY_BE_LEFT_OUT: Record<string, readonly string[]> = {
  TensorProto: ['rawData', 'floatData', 'int32Data', 'int64Data', 'stringData', 'doubleData', 'uint64Data'],
  AttributeProto: ['floats', 'ints', 'strings', 's'],
};

/**
 * Copies the fields of one message between two offsets of the file, without large values. An attribute gets a mark
 * where values were left out.
 */
function withoutWeights(file: FileWindow, type: Type, from: number, to: number): Uint8Array[] {
  if (to - from <= KEPT_BYTES) return [file.copy(from, to)];
  const parts: Uint8Array[] = [];
  const counts = new Map<number, number>();
  let cut = false;
  for (let at = from; at < to;) {
    const { id, header, length } = fieldAt(file, at);
    const [start, end] = [at + header, at + header + length];
    if (end > to) throw new GraphError('the file is cut off, or not an ONNX model');
    const isLong = length > KEPT_BYTES;
    const isLarge = count(counts, id) > KEPT_VALUES || isLong;
    const isLeftOut = isLarge && mayBeLeftOut(type, id);
    const inner = isLong && messageTypeOf(type, id);
    if (inner) parts.push(...message(id, withoutWeights(file, inner, start, end)));
    else if (isLeftOut) cut = true;
    else parts.push(file.copy(at, end));
    at = end;
  }
  return cut ? [...parts, ...markOf(type)] : parts;
}

/** What says in a message that values were left out; only attributes need it. */
const markOf = (type: Type): Uint8Array[] => (type.name === 'AttributeProto' ? [CUT_MARK] : []);

function messageTypeOf(type: Type, id: number): Type | undefined {
  const resolved = type.fieldsById[id]?.resolve().resolvedType;
  return resolved instanceof protobuf.Type ? resolved : undefined;
}

/** How often the field has occurred. */
function count(counts: Map<number, number>, id: number): number {
  counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts.get(id)!;
}

function mayBeLeftOut(type: Type, id: number): boolean {
  const name = type.fieldsById[id]?.name;
  return name !== undefined && (MAY_BE_LEFT_OUT[type.name] ?? []).includes(name);
}

const CUT_MARK = protobuf.Writer.create()
  .uint32((DOC_STRING << 3) | 2)
  .string(CUT)
  .finish();

interface FieldHeader {
  id: number;
  /** Bytes of tag and length. */
  header: number;
  /** Bytes of the value. */
  length: number;
}

function fieldAt(file: FileWindow, at: number): FieldHeader {
  const reader = protobuf.Reader.create(file.at(at, HEADER_BYTES));
  const tag = reader.uint32();
  const [id, wire] = [tag >>> 3, tag & 7];
  if (id === 0 || wire === 3 || wire === 4 || wire > 5) throw new GraphError('it is not an ONNX model');
  if (wire === 2) {
    const length = reader.uint32();
    return { id, header: reader.pos, length };
  }
  const header = reader.pos;
  reader.skipType(wire);
  return { id, header, length: reader.pos - header };
}

/** A message field: tag, new length and content. */
function message(id: number, parts: Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [
    protobuf.Writer.create()
      .uint32((id << 3) | 2)
      .uint32(length)
      .finish(),
    ...parts,
  ];
}
