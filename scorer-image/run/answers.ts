/** Answers as they cross from the worker: the usual ones by column, since a message is copied property by property. Pure. */
import type { Answer } from './messages.ts';

/** Longer texts cross by themselves: together they could be longer than any string, and would be kept until all are sent. */
const SHORT = 16_384;

/** Said by whichever thread notices first. */
export const tooLate = ({ requestTimeoutMs }: { requestTimeoutMs: number }): string => `Scoring timeout after ${requestTimeoutMs} ms`;

export interface Answers {
  /** Those with 200 and a short text: that of `ids[i]` ends at `ends[i]`. */
  ids: number[];
  runMs: number[];
  ends: number[];
  text: string;
  others: Answer[];
}

export function packed(answers: readonly Answer[]): Answers {
  const columns: Answers = { ids: [], runMs: [], ends: [], text: '', others: [] };
  for (const answer of answers) {
    const { id, status, body, runMs, jsonBytes, headers } = answer;
    if (status !== 200 || typeof body !== 'string' || body.length > SHORT || runMs === undefined || jsonBytes !== undefined || headers) {
      columns.others.push(answer);
      continue;
    }
    columns.ids.push(id);
    columns.runMs.push(runMs);
    columns.text += body;
    columns.ends.push(columns.text.length);
  }
  return columns;
}

export function unpacked({ ids, runMs, ends, text, others }: Answers): Answer[] {
  return [...ids.map((id, i) => ({ id, status: 200, body: text.slice(i === 0 ? 0 : ends[i - 1], ends[i]), runMs: runMs[i]! })), ...others];
}
