/** What is said of a pod in one word. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { Stored } from './objects.ts';

/** Serves now, and is not on its way out. */
export const isReady = ({ metadata, status }: Stored<Pod>): boolean =>
  metadata.deletionTimestamp === undefined && (status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false);
