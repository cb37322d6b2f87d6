/** The models of the Open Inference Protocol: those of the pipeline, and with a script the pipeline itself. Pure. */
import type { ScorerConfig } from '../config.ts';

export interface ServedModel {
  name: string;
  version: string;
  format: string;
}

/** The model of that name and, where one is given, of that version. */
export function servedModel(
  { models, script, pipeline, revision }: ScorerConfig,
  name: string,
  version?: string,
): ServedModel | undefined {
  const scripted = script === undefined ? [] : [{ name: pipeline, version: revision, format: 'script' }];
  return [...models, ...scripted].find(
    (one) => one.name === name && (version === undefined || version === one.version),
  );
}
