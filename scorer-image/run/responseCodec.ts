/**
 * The encoding of responses in messages: the common ones by column, because a message is copied value by value. Pure.
 */
import type { ResponseBatch, ScoreResponse, WorkerResponse } from './messages.ts';

/**
 * Longer texts are sent one by one: joined they could exceed the length of a string, and would be kept until all are
 * sent.
 */
const MAX_SHORT_TEXT = 16_384;

/** Checks the shape of a message, because a script may post any message. */
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

export function encode(responses: readonly WorkerResponse[], taken: number, batches: number[]): ResponseBatch {
  const ids: number[] = [];
  const runTimes: number[] = [];
  const ends: number[] = [];
  const others: WorkerResponse[] = [];
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

export function decode([, , , ids, runMs, ends, text, others]: ResponseBatch): (ScoreResponse & { kind: 'result' })[] {
  return [
    ...ids.map((id, i) => ({
      kind: 'result' as const,
      id,
      status: 200,
      body: text.slice(i === 0 ? 0 : ends[i - 1], ends[i]),
      runMs: runMs[i]!,
    })),
    ...others.map((response) => ({ kind: 'result' as const, ...response })),
  ];
}
