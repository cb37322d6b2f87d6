import type { Feeds } from '../tensor/rows.ts';

/** One call of a model. */
export interface Call {
  feeds: Feeds;
  outputs: readonly string[];
  rows: number;
  resolve: (results: Feeds) => void;
  reject: (error: unknown) => void;
}
