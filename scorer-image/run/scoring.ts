/** The two kinds of pipelines: a script, or one ONNX model without code. */
import { FAILURE, type ModelSignature } from '@penstock/contract';
import type { ScorerConfig } from '../config.ts';
import { StartFailure } from '../failure.ts';
import { BadInput } from '../tensor/errors.ts';
import { exactJson } from '../tensor/json.ts';
import { openModel, type ModelOptions } from '../model/model.ts';
import { modelPath } from '../model/modelPath.ts';
import { describe, loadScript, stackOf } from '../script/script.ts';
import { tensorOf, type ScriptTensorData } from '../tensor/tensor.ts';
import { score, type ScriptResponse } from './azure.ts';
import { scriptContext } from './context.ts';
import type { Schemas, ScoreRequest, Work } from './messages.ts';
import { fromScoreBody } from './dataFrames.ts';
import { invocation } from './mlflow.ts';
import { inferTensors, scoreRows } from './noCode.ts';
import { decodeInfer, type InferRequest, type NamedTensor } from './inferRequest.ts';
import { encodeInfer, type InferResponse } from './inferResponse.ts';

type InferWork = Extract<Work, { kind: 'infer' }>;

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
  // These three reject with BadInput for a client's mistake, or throw it.
  score(body: Uint8Array, request: ScoreRequest | undefined): Promise<ScriptResponse>;
  invocations(body: Uint8Array, request: ScoreRequest | undefined): Promise<ScriptResponse>;
  infer(body: Uint8Array, work: InferWork): Promise<InferResponse>;
  shutdown(): Promise<void>;
}

/** Imports the script and awaits its init(). Rejects with StartFailure. */
export async function scripted(
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
  return {
    signatures: {},
    wantsRequest: script.run.length !== 1 || script.rawHttp === true || script.inputSchema !== undefined,
    rawHttp: script.rawHttp === true,
    async: true,
    notes: [],
    schemas: {
      ...(script.inputSchema && {
        input: {
          type: 'object',
          required: Object.keys(script.inputSchema).filter((name) => script.inputSchema![name]!.default === undefined),
          properties: script.inputSchema,
        },
      }),
      ...(script.outputSchema && { output: script.outputSchema }),
    },
    score: (body, request) => score(script, body, request),
    invocations: (body, request) => score(script, body, request),
    // V2 protocol: run() gets tensors and returns tensors.
    infer: async (body, { jsonBytes, model, request }) => {
      const asked = decodeInfer(body, jsonBytes);
      const { id, parameters, inputs } = asked;
      return encodeInfer(
        asked,
        { name: model, version: config.revision },
        tensorsOf(await script.run({ id, parameters, inputs }, request), asked),
      );
    },
    shutdown: async () => void (await script.shutdown?.()),
  };
}

/** The result of run() for a V2 request: the requested outputs. */
function tensorsOf(answer: unknown, { outputs: wanted }: InferRequest): NamedTensor[] {
  const outputs = (answer as { outputs?: unknown } | null | undefined)?.outputs;
  if (!Array.isArray(outputs))
    throw new Error('run() must answer a request of the V2 protocol with {outputs: [{name, datatype, shape, data}]}');
  const all = (outputs as (NamedTensor & { data: ScriptTensorData })[]).map(({ name, datatype, shape, data }) => ({
    name,
    ...tensorOf(`outputs ${name}.data`, datatype, shape, data),
  }));
  const strange = wanted?.find(({ name }) => !all.some((one) => one.name === name));
  if (strange)
    throw new BadInput(
      `unknown output ${strange.name.slice(0, 200)}; there is ${all.map(({ name }) => name).join(', ')}`,
    );
  return wanted ? wanted.map(({ name }) => all.find((one) => one.name === name)!) : all;
}

/** Serves the pipeline's only model. Rejects with StartFailure. */
export async function noCode(config: ScorerConfig, options: ModelOptions): Promise<Scoring> {
  const model = config.models[0]!;
  const { session, note } = await openModel(model, modelPath(config.modelsDir, model), options);
  const served = { session, maxQueueWaitMs: config.maxQueueWaitMs };
  const integers = session.signature.inputs.some(({ datatype }) => datatype.endsWith('INT64'));
  return {
    signatures: { [model.name]: session.signature },
    wantsRequest: false,
    rawHttp: false,
    schemas: {},
    async: false,
    notes: [note],
    score: (body) =>
      scoreRows(
        fromScoreBody(
          exactJson(body, () => integers),
          session.signature,
        ),
        served,
      ),
    invocations: (body) =>
      scoreRows(
        invocation(
          exactJson(body, () => integers),
          session.signature,
        ),
        served,
        ['{"predictions":', '}'],
      ),
    infer: async (body, { jsonBytes }) =>
      inferTensors(decodeInfer(body, jsonBytes), { name: model.name, version: model.version, ...served }),
    shutdown: () => Promise.resolve(),
  };
}
