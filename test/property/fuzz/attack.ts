/** Sends hostile requests, a connection each, and gathers what came of them. */
import { connect } from 'node:net';
import { hostileRequests } from './requests.ts';

const AT_ONCE = 64;
/** Longer than any deadline of the scorer. */
const HANG_MS = 20_000;
/** A complete request is answered sooner. */
const PATIENCE_MS = 50;

export interface Verdict {
  requests: number;
  /** How many ended with which status; `closed`: without one. */
  ends: Record<string, number>;
  /** Answers of 500 and above, answers that are not JSON, and connections that were not closed: at most ten of each. */
  problems: string[];
}

export interface Attack {
  count: number;
  seed: number;
  /** Told after each hundred thousand. */
  progress?: (requests: number) => void;
}

const TOLD_EACH = 100_000;

export async function attack(port: number, { count, seed, progress }: Attack): Promise<Verdict> {
  const requests = hostileRequests(seed);
  const verdict: Verdict = { requests: 0, ends: {}, problems: [] };
  const one = async (): Promise<void> => {
    while (verdict.requests < count) {
      verdict.requests += 1;
      if (verdict.requests % TOLD_EACH === 0) progress?.(verdict.requests);
      const { way, bytes } = requests.next().value;
      const answer = await send(port, bytes);
      const status = answer === undefined ? 'hangs' : (/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 'closed');
      verdict.ends[status] = (verdict.ends[status] ?? 0) + 1;
      const problem = problemOf(status, answer);
      if (problem !== undefined && verdict.problems.length < 10)
        verdict.problems.push(`${way}: ${problem} ← ${bytes.subarray(0, 200).toString('latin1')}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return verdict;
}

/** What is wrong with an answer: none came, a 5xx, or a 4xx that is no JSON. */
function problemOf(status: string, answer: string | undefined): string | undefined {
  if (answer === undefined) return 'hangs';
  if (Number(status) >= 500) return answer.slice(0, 300);
  if (Number(status) >= 400 && !answer.includes('application/json')) return `not JSON: ${answer.slice(0, 200)}`;
  return undefined;
}

/**
 * All that comes back; after the first answer, or a moment without one, the server hears that nothing more will come.
 * Undefined when nothing ends it.
 */
function send(port: number, bytes: Buffer): Promise<string | undefined> {
  return new Promise((resolve) => {
    let got = '';
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => void socket.write(bytes));
    const enough = setTimeout(() => socket.end(), PATIENCE_MS);
    socket.setTimeout(HANG_MS, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket
      .on('data', (chunk) => {
        got += chunk.toString('latin1');
        socket.end();
      })
      .on('error', () => undefined)
      .on('close', () => {
        clearTimeout(enough);
        resolve(got);
      });
  });
}
