/** Answers as they cross from the worker: the usual ones by column, since a message is copied value by value. Pure. */
import type { ScoreResponse } from './messages.ts';

/** Longer texts cross by themselves: together they could be longer than any string, and would be kept until all are sent. */
const MAX_SHORT_TEXT = 16_384;

/**
 * A word of their own in front, since a script may post what it likes. `taken`: messages that the worker needs no
 * longer hold back for; `batches`: rows of the native calls since the last one. Then the answers with 200 and a short
 * text, that of `ids[i]` up to `ends[i]`, and the others.
 */
export type ResponseBatch = [
  type: 'answers',
  taken: number,
  batches: number[],
  ids: number[],
  runMs: number[],
  ends: number[],
  text: string,
  others: ScoreResponse[],
];

export function isResponseBatch(message: unknown): message is ResponseBatch {
  if (!Array.isArray(message) || message[0] !== 'answers') return false;
  const [, taken, batches, ids, runMs, ends, text, others] = message as unknown[];
  return (
    typeof taken === 'number' &&
    [batches, ids, runMs, ends].every(isNumbers) &&
    typeof text === 'string' &&
    Array.isArray(others) &&
    others.every((other) => typeof other === 'object' && other !== null)
  );
}

const isNumbers = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === 'number');

export function encode(responses: readonly ScoreResponse[], taken: number, batches: number[]): ResponseBatch {
  const ids: number[] = [];
  const runTimes: number[] = [];
  const ends: number[] = [];
  const others: ScoreResponse[] = [];
  let texts = '';
  for (const response of responses) {
    const { id, status, body, runMs, jsonBytes, headers } = response;
    if (
      status !== 200 ||
      typeof body !== 'string' ||
      response.streamed ||
      body.length > MAX_SHORT_TEXT ||
      runMs === undefined ||
      jsonBytes !== undefined ||
      headers
    ) {
      others.push(response);
      continue;
    }
    ids.push(id);
    runTimes.push(runMs);
    texts += body;
    ends.push(texts.length);
  }
  return ['answers', taken, batches, ids, runTimes, ends, texts, others];
}

export function decode([, , , ids, runMs, ends, text, others]: ResponseBatch): ScoreResponse[] {
  return [
    ...ids.map((id, i) => ({
      id,
      status: 200,
      body: text.slice(i === 0 ? 0 : ends[i - 1], ends[i]),
      runMs: runMs[i]!,
    })),
    ...others,
  ];
}
