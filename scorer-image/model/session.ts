/** ONNX Runtime sessions; the only file that imports onnxruntime. */
import { FAILURE, type ModelSignature, type TensorSignature } from '@penstock/contract';
import { openSync, readSync, closeSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { StartFailure } from '../failure.ts';
import { described, isZipMap } from '../onnx/describe.ts';
import { readGraph, type GraphOnly } from '../onnx/graphFile.ts';
import { rewritten } from '../onnx/rewrite.ts';
import { rowsOf, type RowsVerdict } from '../rows/follow.ts';
import { DATATYPES, fromOrt, ORT_TYPE, type Tensor } from '../tensor/tensor.ts';

/** Errors are thrown, so onnxruntime does not log them as well. */
const SILENT = 4;

export interface Session {
  signature: ModelSignature;
  /** One synchronous native call; it cannot be stopped. */
  run(feeds: Record<string, Tensor>, outputs?: string[]): Promise<Record<string, Tensor>>;
  /** Expected bytes of a result of so many rows, by the largest so far. */
  resultBytes?: (rows: number) => number;
}

/** A session, with the graph and what it says about rows. */
export interface LoadedSession extends Session {
  rows: RowsVerdict;
  graph: GraphOnly;
}

/** Loads a model file. Rejects with StartFailure for another file, and for inputs or outputs that are not tensors. */
export async function loadSession(path: string, threads = 1): Promise<LoadedSession> {
  const graph = graphOf(path);
  const session = await createSession(path, graph, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: SILENT,
  });
  const signature = {
    inputs: session.inputMetadata.map((meta) => tensorSignature(meta, path)),
    outputs: session.outputMetadata.map((meta) => tensorSignature(meta, path)),
  };
  return {
    signature: described(signature, graph),
    rows: rowsOf(graph),
    graph,
    async run(feeds, outputs) {
      const native = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(tensor)]));
      const results = await session.run(native, outputs ?? session.outputNames);
      return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, fromOrt(value)]));
    },
  };
}

/** The graph of a model file, without its weights. Throws StartFailure for another file. */
export function graphOf(path: string): GraphOnly {
  try {
    return readGraph(path);
  } catch (error) {
    throw new StartFailure(
      FAILURE.modelLoad,
      `${fileOf(path)} is not an ONNX model: ${isPickle(path) ? 'it is a Python pickle (joblib); convert the model to ONNX, for scikit-learn with skl2onnx' : (error as Error).message}`,
    );
  }
}

async function createSession(
  path: string,
  graph: GraphOnly,
  options: ort.InferenceSession.SessionOptions,
): Promise<ort.InferenceSession> {
  const zipMaps = graph.graph.node.some(isZipMap);
  try {
    return await (zipMaps
      ? ort.InferenceSession.create(rewritten(path, { zipMaps, locale: false }), options)
      : ort.InferenceSession.create(path, options));
  } catch (error) {
    const { message } = error as Error;
    if (/construct locale/.test(message))
      return ort.InferenceSession.create(rewritten(path, { zipMaps, locale: true }), options).catch((again: unknown) =>
        loadFailed(path, (again as Error).message),
      );
    return loadFailed(path, message);
  }
}

function loadFailed(path: string, message: string): never {
  throw new StartFailure(FAILURE.modelLoad, `${fileOf(path)} is not a model that ONNX Runtime can load: ${message}`);
}

const fileOf = (path: string): string => path.split('/').at(-1) ?? path;

/** Pickle protocol 2 or later. */
function isPickle(path: string): boolean {
  const head = Buffer.alloc(2);
  const file = openSync(path, 'r');
  readSync(file, head, 0, 2, 0);
  closeSync(file);
  return head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5;
}

function tensorSignature(meta: ort.InferenceSession.ValueMetadata, path: string): TensorSignature {
  if (!meta.isTensor)
    throw new StartFailure(
      FAILURE.modelLoad,
      `${meta.name} of ${fileOf(path)} is not a tensor: convert the model so that all its inputs and outputs are tensors`,
    );
  const datatype = DATATYPES[meta.type];
  if (datatype === undefined)
    throw new StartFailure(
      FAILURE.modelLoad,
      `${meta.name} of ${fileOf(path)} has the type ${meta.type}, which is not supported`,
    );
  return {
    name: meta.name,
    datatype,
    shape: meta.shape.map((dimension) => (typeof dimension === 'number' && dimension >= 0 ? dimension : -1)),
  };
}

function toOrt({ datatype, shape, data }: Tensor): ort.Tensor {
  const tensor = new ort.Tensor(ORT_TYPE[datatype] as 'float32', data as Float32Array, shape);
  // The native binding does not know Float16Array yet and reads nothing from it: it gets the same bits as 16-bit
  // integers.
  if (datatype === 'FP16')
    Object.assign(tensor, {
      cpuData: new Uint16Array((data as Float16Array).buffer, (data as Float16Array).byteOffset, data.length),
    });
  return tensor;
}
