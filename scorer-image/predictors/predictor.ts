/** What answers requests: named tensors in, named tensors out. The protocols read and write their bytes. */
import type { ScoreRequest } from '../protocols/messages.ts';
import type { NamedTensor } from '../tensor/tensor.ts';

export interface Inputs {
  tensors: NamedTensor[];
  /** The outputs that the client asked for, in its order. Undefined: all. */
  outputs?: string[] | undefined;
  /** What a script gets besides the tensors. A model does not read it. */
  context?: { id?: string | undefined; parameters: Record<string, unknown>; request: ScoreRequest | undefined };
}

export interface Prediction {
  /** The outputs that were asked for, in that order. */
  outputs: NamedTensor[];
  /** Releases the memory that the outputs take. Absent where none was reserved. */
  release?: (() => void) | undefined;
}

export interface Predictor {
  /** Rejects with BadInput for a client's mistake. */
  predict: (inputs: Inputs) => Promise<Prediction>;
}
