/**
 * Reads the infer request of the Open Inference Protocol V2: JSON and the binary tensor extension, into tensors.
 * Rules: protocol-v2 inference_rest.md and extension_binary_data.md. Pure.
 */
import { isJsonObject } from '@penstock/contract';
import { BadInput } from '../tensor/errors.ts';
import { exactJson } from '../tensor/json.ts';
import { arrayOf, sizeOf, type NamedTensor, type Tensor } from '../tensor/tensor.ts';
import { clientTensor } from './clientTensor.ts';

export interface InferRequest {
  id?: string;
  parameters: Record<string, unknown>;
  inputs: NamedTensor[];
  /** The requested outputs, in the client's order; undefined: all. */
  outputs?: { name: string; binary: boolean; base64: boolean }[];
  /** Form of outputs that are not named: binary or JSON. */
  binaryOutput: boolean;
}

/** Parameter content_type of BYTES whose elements are base64 in JSON; MLServer uses the same name. */
export const BASE64 = 'base64';

type Json = Record<string, unknown>;
const parametersOf = (value: Json): Json => (isJsonObject(value.parameters) ? value.parameters : {});

/**
 * Reads a request. `jsonBytes`: the header Inference-Header-Content-Length. Throws BadInput that names the place of the
 * mistake.
 */
export function decodeInfer(body: Uint8Array, jsonBytes: number | undefined): InferRequest {
  if (jsonBytes !== undefined && jsonBytes > body.length)
    throw new BadInput(`Inference-Header-Content-Length is ${jsonBytes}, the body has ${body.length} bytes`);
  const json = jsonBytes === undefined ? body : body.subarray(0, jsonBytes);
  const request = exactJson(json, (text) => /"U?INT64"/.test(text));
  if (!isJsonObject(request)) throw new BadInput('the body must be a JSON object with inputs');
  const inputs = readInputs(request.inputs, body.subarray(jsonBytes ?? body.length));
  const parameters = parametersOf(request);
  const binaryOutput = parameters.binary_data_output === true;
  const outputs = wantedOutputs(request.outputs, binaryOutput);
  return {
    parameters,
    inputs,
    binaryOutput,
    ...(typeof request.id === 'string' && { id: request.id }),
    ...(outputs && { outputs }),
  };
}

/** `binary`: the tensors that follow the JSON. */
function readInputs(inputs: unknown, binary: Uint8Array): NamedTensor[] {
  if (!Array.isArray(inputs) || inputs.length === 0)
    throw new BadInput('inputs must be a list of {name, shape, datatype, data}');
  if (inputs.length > MAX_TENSORS) throw new BadInput(`there are ${inputs.length} inputs; ${MAX_TENSORS} is the most`);
  const blobs = new Blobs(binary);
  const tensors = inputs.map((input, i) => readTensor(input, `inputs[${i}]`, blobs));
  blobs.end();
  return assertUniqueNames('input', tensors);
}

const MAX_TENSORS = 1000;

/** Throws BadInput for a name that occurs twice. */
function assertUniqueNames<T extends { name: string }>(what: string, tensors: T[]): T[] {
  const names = new Set<string>();
  for (const { name } of tensors) {
    if (names.has(name)) throw new BadInput(`${what} ${name.slice(0, 200)} is there twice`);
    names.add(name);
  }
  return tensors;
}

function wantedOutputs(outputs: unknown, binaryOutput: boolean): InferRequest['outputs'] {
  if (outputs === undefined || (Array.isArray(outputs) && outputs.length === 0)) return undefined;
  if (!Array.isArray(outputs)) throw new BadInput('outputs must be a list of {name}');
  if (outputs.length > MAX_TENSORS)
    throw new BadInput(`there are ${outputs.length} outputs; ${MAX_TENSORS} is the most`);
  return assertUniqueNames(
    'output',
    outputs.map((output: unknown, i) => {
      if (!isJsonObject(output) || typeof output.name !== 'string')
        throw new BadInput(`outputs[${i}] must have a name`);
      const { binary_data: binary, content_type: type } = parametersOf(output);
      return {
        name: output.name,
        binary: typeof binary === 'boolean' ? binary : binaryOutput,
        base64: type === BASE64,
      };
    }),
  );
}

function readTensor(input: unknown, where: string, blobs: Blobs): NamedTensor {
  if (!isJsonObject(input)) throw new BadInput(`${where} must be {name, shape, datatype, data}`);
  const { name, shape, datatype, data } = input;
  if (typeof name !== 'string') throw new BadInput(`${where}.name must be a string`);
  if (!isDatatype(datatype))
    throw new BadInput(
      `${where}.datatype is ${typeof datatype === 'string' ? JSON.stringify(datatype.slice(0, 60)) : typeof datatype}, which the protocol does not know`,
    );
  if (!isShape(shape)) throw new BadInput(`${where}.shape must be a list of whole numbers`);
  const { binary_data_size: bytes, content_type: type } = parametersOf(input);
  if (bytes !== undefined) return { name, ...fromBinary(`${where}.data`, datatype, shape, blobs.take(where, bytes)) };
  if (datatype === 'FP16')
    throw new BadInput(`${where}: FP16 has no JSON form; send it with the binary tensor extension`);
  return { name, ...fromJson(`${where}.data`, { datatype, shape, data, base64: type === BASE64 }) };
}

const isDatatype = (datatype: unknown): datatype is string =>
  typeof datatype === 'string' && (datatype === 'BYTES' || arrayOf(datatype) !== undefined);

function fromJson(
  where: string,
  { datatype, shape, data, base64 }: { datatype: string; shape: number[]; data: unknown; base64: boolean },
): Tensor {
  if (!Array.isArray(data)) throw new BadInput(`${where} must be a list`);
  const tensor = clientTensor(where, datatype, shape, data);
  if (datatype !== 'BYTES' || !base64) return tensor;
  return { ...tensor, data: (tensor.data as string[]).map((text, i) => fromBase64(text, where, i)) };
}

/** No kernel of ONNX Runtime takes more dimensions. */
const MAX_DIMENSIONS = 32;
const isShape = (shape: unknown): shape is number[] =>
  Array.isArray(shape) &&
  shape.length <= MAX_DIMENSIONS &&
  shape.every((dimension) => Number.isInteger(dimension) && (dimension as number) >= 0) &&
  Number.isSafeInteger(sizeOf(shape as number[]));

/** The binary tensors that follow the JSON. */
class Blobs {
  #rest: Uint8Array;

  constructor(rest: Uint8Array) {
    this.#rest = rest;
  }

  take(where: string, bytes: unknown): Uint8Array {
    if (!Number.isInteger(bytes) || (bytes as number) < 0)
      throw new BadInput(`${where}.parameters.binary_data_size must be a whole number`);
    if ((bytes as number) > this.#rest.length)
      throw new BadInput(
        `${where}.parameters.binary_data_size is ${bytes as number}, ${this.#rest.length} bytes are left`,
      );
    const blob = this.#rest.subarray(0, bytes as number);
    this.#rest = this.#rest.subarray(bytes as number);
    return blob;
  }

  end(): void {
    if (this.#rest.length > 0) throw new BadInput(`${this.#rest.length} bytes follow the last tensor`);
  }
}

/** Little-endian, row-major, no padding; BYTES as length (32 bits) and bytes, one after the other. */
function fromBinary(where: string, datatype: string, shape: number[], bytes: Uint8Array): Tensor {
  const size = sizeOf(shape);
  const type = arrayOf(datatype);
  if (!type) return { datatype, shape, data: strings(where, bytes, size) };
  if (bytes.length !== size * type.BYTES_PER_ELEMENT)
    throw new BadInput(
      `${where} has ${bytes.length} bytes, ${datatype}[${shape.join(',')}] needs ${size * type.BYTES_PER_ELEMENT}`,
    );
  return { datatype, shape, data: new type(new Uint8Array(bytes).buffer) };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of bytes; the bytes themselves where they are not UTF-8. */
function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes.slice();
  }
}

function fromBase64(text: string, where: string, place: number): string | Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, ''))
    throw new BadInput(`${where} has at place ${place} what is not base64`);
  return textOrBytes(bytes);
}

function strings(where: string, bytes: Uint8Array, size: number): (string | Uint8Array)[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: (string | Uint8Array)[] = [];
  let at = 0;
  while (at < buffer.length) {
    const from = at + 4;
    const to = from <= buffer.length ? from + buffer.readUInt32LE(at) : Infinity;
    if (to > buffer.length) throw new BadInput(`${where}: string ${values.length} is longer than what was sent`);
    values.push(textOrBytes(buffer.subarray(from, to)));
    at = to;
  }
  if (values.length !== size) throw new BadInput(`${where} has ${values.length} strings, the shape needs ${size}`);
  return values;
}
