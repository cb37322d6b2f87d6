/** What a client of the API server knows of its program. */
import type { Kind } from './kinds.ts';

export interface ClientProfile {
  /** The kinds of the objects that it writes. */
  kinds: readonly Kind[];
  /** The field managers under which it writes objects, their status, and the replicas of Deployments. */
  fieldManagers: { objects: string; status: string; scale: string };
  userAgent: string;
}
