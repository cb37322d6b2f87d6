/** https://HOST/PATH/FILE: the fetch container downloads it, and needs no mount for that. */
import type { SourceMounts } from './mounts.ts';

export const httpsMounts = (): SourceMounts => ({ volumes: [], mounts: [] });
