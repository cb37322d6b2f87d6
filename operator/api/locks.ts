/** The locks of packages that a spec names. */
import type { InferencePipelineSpec } from './types.gen.ts';

/** The lock of packages in a spec: as a text, or as a key of a ConfigMap. */
export interface Lock {
  /** Where the spec names it. */
  field: string;
  key: 'requirements' | 'packageLock';
  text?: string | undefined;
  from?: { configMap: { name: string; key: string } } | undefined;
}

export function locksOf({ environment }: Pick<InferencePipelineSpec, 'environment'>): Lock[] {
  const { python = {}, npm = {} } = environment?.packages ?? {};
  return [
    {
      field: 'spec.environment.packages.python.requirementsFrom',
      key: 'requirements',
      text: python.requirements,
      from: python.requirementsFrom,
    },
    {
      field: 'spec.environment.packages.npm.packageLockFrom',
      key: 'packageLock',
      text: npm.packageLock,
      from: npm.packageLockFrom,
    },
  ];
}
