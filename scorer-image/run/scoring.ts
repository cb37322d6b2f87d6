/** What a worker serves: a script, or one ONNX model without code. Each protocol meets a predictor here. */
import { FAILURE, type ModelSignature } from '@penstock/contract';
import type { ScorerConfig } from '../config.ts';
import { StartFailure } from '../failure.ts';
import { openModel, type ModelOptions } from '../model/model.ts';
import { modelPath } from '../model/modelPath.ts';
import { onnxPredictor } from '../predictors/onnxPredictor.ts';
import type { Prediction, Predictor } from '../predictors/predictor.ts';
import { scriptContext } from '../predictors/scriptContext.ts';
import { scriptPredictor } from '../predictors/scriptPredictor.ts';
import { runScript } from '../protocols/azureScript.ts';
import { fromScoreBody } from '../protocols/dataFrames.ts';
import { checkedInputs } from '../protocols/inferInputs.ts';
import { decodeInfer } from '../protocols/inferRequest.ts';
import { encodeInfer } from '../protocols/inferResponse.ts';
import type { EncodedResponse, ScoreRequest } from '../protocols/messages.ts';
import { invocation } from '../protocols/mlflow.ts';
import { decodeRows, encodeRows } from '../protocols/rows.ts';
import { describe, loadScript, stackOf, type UserScript } from '../script/script.ts';
import { exactJson } from '../tensor/json.ts';
import type { NamedTensor } from '../tensor/tensor.ts';
import type { Schemas, Work } from './messages.ts';

type InferWork = Extract<Work, { kind: 'infer' }>;
type BodyHandler = (body: Uint8Array, request: ScoreRequest | undefined) => Promise<EncodedResponse>;

export interface Scoring {
  signatures: Record<string, ModelSignature>;
  /** Whether run() reads more than the body. */
  wantsRequest: boolean;
  /** Responses may come in any order and late, so the next message does not wait for them. */
  async: boolean;
  /** Lines for the log. */
  notes: string[];
  rawHttp: boolean;
  schemas: Schemas;
  // These three reject with BadInput for a client's mistake.
  score: BodyHandler;
  invocations: BodyHandler;
  infer(body: Uint8Array, work: InferWork): Promise<EncodedResponse>;
  shutdown(): Promise<void>;
}

/** Imports the script and awaits its init(). Rejects with StartFailure. */
export async function scriptScoring(
  path: string,
  config: ScorerConfig & { modelDir: string },
  options: ModelOptions,
): Promise<Scoring> {
  const script = await loadScript(path);
  try {
    await script.init(scriptContext(config, options));
  } catch (error) {
    if (error instanceof StartFailure) throw error;
    throw new StartFailure(FAILURE.initFailed, describe(error, path), stackOf(error));
  }
  const predictor = scriptPredictor(script);
  return {
    signatures: {},
    wantsRequest: script.run.length !== 1 || script.rawHttp === true || script.inputSchema !== undefined,
    rawHttp: script.rawHttp === true,
    async: true,
    notes: [],
    schemas: schemasOf(script),
    score: (body, request) => runScript(script, body, request),
    invocations: (body, request) => runScript(script, body, request),
    infer: (body, work) => infer(body, work, { predictor, name: work.model, version: config.revision }),
    shutdown: async () => void (await script.shutdown?.()),
  };
}

function schemasOf({ inputSchema, outputSchema }: UserScript): Schemas {
  const required = Object.entries(inputSchema ?? {}).flatMap(([name, argument]) =>
    argument.default === undefined ? [name] : [],
  );
  return {
    ...(inputSchema && { input: { type: 'object', required, properties: inputSchema } }),
    ...(outputSchema && { output: outputSchema }),
  };
}

/** Serves the pipeline's only model. Rejects with StartFailure. */
export async function modelScoring(config: ScorerConfig, options: ModelOptions): Promise<Scoring> {
  const model = config.models[0]!;
  const { session, note } = await openModel(model, modelPath(config.modelsDir, model), options);
  const { signature } = session;
  const predictor = onnxPredictor(session, config.maxQueueWaitMs);
  const hasIntegers = signature.inputs.some(({ datatype }) => datatype.endsWith('INT64'));
  const json = (body: Uint8Array): unknown => exactJson(body, () => hasIntegers);
  const rows = async (body: unknown, around?: [string, string]): Promise<EncodedResponse> =>
    encoded(await predictor.predict({ tensors: decodeRows(body, signature) }), (outputs) =>
      encodeRows(outputs, signature.outputs, around),
    );
  return {
    signatures: { [model.name]: signature },
    wantsRequest: false,
    rawHttp: false,
    schemas: {},
    async: false,
    notes: [note],
    score: async (body) => rows(fromScoreBody(json(body), signature)),
    invocations: async (body) => rows(invocation(json(body), signature), ['{"predictions":', '}']),
    infer: (body, work) => infer(body, work, { predictor, signature, name: model.name, version: model.version }),
    shutdown: () => Promise.resolve(),
  };
}

/** A predictor behind the V2 protocol; `signature` where its inputs are checked before. */
interface ServedPredictor {
  predictor: Predictor;
  signature?: ModelSignature;
  name: string;
  version: string;
}

async function infer(body: Uint8Array, { jsonBytes, request }: InferWork, served: ServedPredictor) {
  const asked = decodeInfer(body, jsonBytes);
  const { id, parameters, inputs, outputs } = asked;
  const prediction = await served.predictor.predict({
    tensors: served.signature ? checkedInputs(asked, served.signature) : inputs,
    outputs: outputs?.map(({ name }) => name),
    context: { id, parameters, request },
  });
  return encoded(prediction, (results) => encodeInfer(asked, served, results));
}

/**
 * Encodes outputs. Their memory is released at once, or by the response's `release` where it is sent in chunks. Throws
 * what `encode` throws.
 */
export function encoded(
  { outputs, release }: Prediction,
  encode: (outputs: NamedTensor[]) => EncodedResponse,
): EncodedResponse {
  try {
    const response = encode(outputs);
    if (response.chunks && release) return { ...response, release };
    release?.();
    return response;
  } catch (error) {
    release?.();
    throw error;
  }
}
