/** ONNX models: the only file that knows onnxruntime. */
import { FAILURE, type ModelSignature, type TensorSignature } from '@penstock/contract';
import * as ort from 'onnxruntime-node';
import { StartFailure } from '../failure.ts';
import { DATATYPES, fromOrt, ORT_TYPE, type Tensor } from './tensor.ts';

export interface Session {
  signature: ModelSignature;
  /** One synchronous native call: it cannot be stopped. */
  run(feeds: Record<string, Tensor>, outputs?: string[]): Promise<Record<string, Tensor>>;
}

/** Loads a model file; a file that is none, or has other than tensors as inputs or outputs, is a ModelLoadFailed. */
export async function loadSession(path: string, threads = 1): Promise<Session> {
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all' }).catch((error: unknown) => {
    throw new StartFailure(FAILURE.modelLoad, `${fileOf(path)} is not a model that ONNX Runtime can load: ${(error as Error).message}`);
  });
  const signature = { inputs: session.inputMetadata.map((meta) => tensorSignature(meta, path)), outputs: session.outputMetadata.map((meta) => tensorSignature(meta, path)) };
  return {
    signature,
    async run(feeds, outputs) {
      const native = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(tensor)]));
      const results = await session.run(native, outputs ?? session.outputNames);
      return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, fromOrt(value)]));
    },
  };
}

const fileOf = (path: string): string => path.split('/').at(-1) ?? path;

function tensorSignature(meta: ort.InferenceSession.ValueMetadata, path: string): TensorSignature {
  if (!meta.isTensor) throw new StartFailure(FAILURE.modelLoad, `${meta.name} of ${fileOf(path)} is not a tensor: with skl2onnx, convert with options={'zipmap': False}`);
  const datatype = DATATYPES[meta.type];
  if (datatype === undefined) throw new StartFailure(FAILURE.modelLoad, `${meta.name} of ${fileOf(path)} has the type ${meta.type}, which is not supported`);
  return { name: meta.name, datatype, shape: meta.shape.map((dimension) => (typeof dimension === 'number' && dimension >= 0 ? dimension : -1)) };
}

function toOrt({ datatype, shape, data }: Tensor): ort.Tensor {
  const tensor = new ort.Tensor(ORT_TYPE[datatype] as 'float32', data as Float32Array, shape);
  // The native binding does not know Float16Array yet and sees nothing in one: it gets the same bits as 16-bit integers.
  if (datatype === 'FP16') Object.assign(tensor, { cpuData: new Uint16Array((data as Float16Array).buffer, (data as Float16Array).byteOffset, data.length) });
  return tensor;
}
