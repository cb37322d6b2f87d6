/**
 * Writes the infer response of the Open Inference Protocol V2: tensors, into JSON and the binary tensor extension.
 * Rules: protocol-v2 inference_rest.md and extension_binary_data.md. Pure.
 */
import { BadInput } from '../tensor/errors.ts';
import type { NamedTensor, Tensor } from '../tensor/tensor.ts';
import { flatJson, flatPieces } from '../tensor/tensorJson.ts';
import { BASE64, type InferRequest } from './inferRequest.ts';
import { LARGE_VALUES, type EncodedResponse } from './messages.ts';

function bytesOf({ datatype, data }: Tensor): Uint8Array {
  if (datatype !== 'BYTES')
    return new Uint8Array(
      (data as Uint8Array).buffer as ArrayBuffer,
      (data as Uint8Array).byteOffset,
      (data as Uint8Array).byteLength,
    );
  return Buffer.concat(
    (data as (string | Uint8Array)[]).flatMap((text) => {
      const bytes = typeof text === 'string' ? Buffer.from(text) : text;
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** Writes a response, each output in the requested form. Throws BadInput for FP16 in JSON. */
export function encodeInfer(
  { id, outputs: wanted, binaryOutput }: InferRequest,
  model: { name: string; version: string },
  results: readonly NamedTensor[],
): EncodedResponse {
  const blobs: Uint8Array[] = [];
  const tensors = results.map((result): { head: string; tensor?: NamedTensor } => {
    const choice = wanted?.find(({ name }) => name === result.name);
    const head = `{"name":${JSON.stringify(result.name)},"datatype":"${result.datatype}","shape":[${result.shape.join(',')}]`;
    if (!(choice?.binary ?? binaryOutput)) {
      if (result.datatype === 'FP16')
        throw new BadInput(`output ${result.name} is FP16, which has no JSON form; ask for it with binary_data`);
      const base64 =
        result.datatype === 'BYTES' &&
        (choice?.base64 === true || (result.data as unknown[]).some((text) => typeof text !== 'string'));
      return base64
        ? {
            head: `${head},"parameters":{"content_type":"${BASE64}"},"data":`,
            tensor: {
              ...result,
              data: (result.data as (string | Uint8Array)[]).map((text) =>
                Buffer.from(text as string).toString('base64'),
              ),
            },
          }
        : { head: `${head},"data":`, tensor: result };
    }
    const blob = bytesOf(result);
    blobs.push(blob);
    return { head: `${head},"parameters":{"binary_data_size":${blob.length}}` };
  });
  const before = `{"model_name":${JSON.stringify(model.name)},"model_version":${JSON.stringify(model.version)}${id === undefined ? '' : `,"id":${JSON.stringify(id)}`},"outputs":[`;
  if (blobs.length === 0 && tensors.reduce((sum, { tensor }) => sum + (tensor?.data.length ?? 0), 0) > LARGE_VALUES)
    return { body: '', chunks: inferChunks(before, tensors) };
  const json = `${before}${tensors.map(({ head, tensor }) => `${head}${tensor ? flatJson(tensor) : ''}}`).join(',')}]}`;
  if (blobs.length === 0) return { body: json };
  const head = Buffer.from(json);
  return { body: Buffer.concat([head, ...blobs]), jsonBytes: head.length };
}

function* inferChunks(before: string, tensors: readonly { head: string; tensor?: NamedTensor }[]): Generator<string> {
  yield before;
  for (const [i, { head, tensor }] of tensors.entries()) {
    yield `${i === 0 ? '' : ','}${head}`;
    yield* flatPieces(tensor!);
    yield '}';
  }
  yield ']}';
}
