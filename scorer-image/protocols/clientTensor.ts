/** Tensors of clients: their mistakes are BadInput. Pure. */
import { BadInput, TensorError } from '../tensor/errors.ts';
import { tensorOf, unsupportedTextIndex, type Tensor } from '../tensor/tensor.ts';

/** {@link tensorOf} for a client's data: mistakes are thrown as BadInput. */
export function clientTensor(...given: Parameters<typeof tensorOf>): Tensor {
  try {
    const [where, datatype, , data] = given;
    const tensor = tensorOf(...given);
    if (datatype.startsWith('FP')) assertFinite(where, tensor, data);
    return tensor;
  } catch (error) {
    throw error instanceof TensorError ? new BadInput(error.message) : error;
  }
}

/** JSON has no infinity, so a number that became one, such as 1e400, is a mistake. */
function assertFinite(where: string, { data, datatype }: Tensor, given: unknown): void {
  if (ArrayBuffer.isView(given)) return;
  for (let i = 0; i < data.length; i++)
    if (data[i] === Infinity || data[i] === -Infinity)
      throw new BadInput(`${where} has a number at place ${i} that is too large for ${datatype}`);
}

/** ONNX Runtime takes NUL-terminated UTF-8, and would silently cut or change other texts. */
export function checkTexts(where: string, tensor: Tensor): Tensor {
  if (tensor.datatype !== 'BYTES') return tensor;
  const place = unsupportedTextIndex(tensor.data as (string | Uint8Array)[]);
  if (place >= 0)
    throw new BadInput(
      `${where} has a text at place ${place} that an ONNX model cannot take: it must be valid UTF-8 without NUL`,
    );
  return tensor;
}
