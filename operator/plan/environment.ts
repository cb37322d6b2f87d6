/** Why the environment of a script cannot be made. Pure. */
import { Stalled } from '../api/flow.ts';
import type { Script } from '../api/observed.ts';
import type { NpmConfig, PythonConfig } from '../api/renderConfig.ts';
import { REASON } from '../api/reasons.ts';
import type { InferencePipeline } from '../api/types.gen.ts';
import { pythonImage, pythonVersion } from '../desired/python.ts';
import { isPython } from '../desired/script.ts';

/** A version of Python that the chart has no image for. */
export function pythonMissing(
  { spec }: InferencePipeline,
  script: Script | undefined,
  python: PythonConfig,
): Stalled | undefined {
  if (!isPython(script?.entry) || pythonImage(spec, python) !== undefined) return undefined;
  const version = pythonVersion(spec, python);
  const versions = Object.keys(python.images).join(', ') || 'none';
  return new Stalled(
    REASON.invalid,
    `there is no image for Python ${version}, but for ${versions}: set environment.packages.python.version to one of them, name an image in environment.image, or add one to python.images of the chart`,
  );
}

/** npm packages where the chart names no registry. */
export function registryMissing(script: Script | undefined, { registryUrl }: NpmConfig): Stalled | undefined {
  if (script?.packageLock === undefined || registryUrl !== undefined) return undefined;
  return new Stalled(REASON.invalid, 'environment.packages.npm needs a registry: set npm.registryUrl of the chart');
}

/** Requirements that are not locked, or name packages that do not come from the index. */
export function requirementsProblem({ spec }: InferencePipeline, script: Script | undefined): Stalled | undefined {
  const problem = script?.requirements === undefined ? undefined : lineProblem(script.requirements, spec.target);
  return problem === undefined
    ? undefined
    : new Stalled(REASON.invalid, `environment.packages.python.requirements: ${problem}`);
}

/** A package of the index as uv reads it: name, extras, versions, and a marker. Nothing else may stand in a line. */
const NAME = String.raw`[a-z0-9][-._a-z0-9]*(?: *\[[-._a-z0-9, ]*\])?`;
const VERSION = String.raw`[-0-9a-z.*+!_]+`;
const VERSIONS = String.raw`(?:===?|[<>~!]=|[<>]) *${VERSION}(?: *, *(?:===?|[<>~!]=|[<>]) *${VERSION})*`;
const MARKER = String.raw`(?: *;[-a-z0-9_.<>=!~'"() ,+*]+)?`;
const PACKAGE = new RegExp(`^${NAME} *(?:${VERSIONS})?${MARKER}$`, 'i');
const PINNED = new RegExp(`^${NAME} *== *[-0-9a-z.+!_]+${MARKER}$`, 'i');
const HASH = /\s--hash[= ](sha256|sha384|sha512):[0-9a-f]+/gi;
/** No text of a requirements.txt needs them, and programs differ in whether they end a line. */
const CONTROL = /[^\P{C}\t\r\n]|\r(?!\n)|[\u2028\u2029]/u;

function lineProblem(text: string, target: InferencePipeline['spec']['target']): string | undefined {
  if (CONTROL.test(text)) return 'it has control characters: write it as plain text';
  for (const line of linesOf(text)) {
    const requirement = line.replace(HASH, '').trim();
    if (requirement.startsWith('-'))
      return `the option "${shortened(requirement)}" is not supported: the chart sets the package index; write only packages`;
    if (!PACKAGE.test(requirement))
      return `"${shortened(requirement)}" is not a package of the index: publish it there, or build an image and name it in environment.image`;
    if (target === 'Development') continue;
    if (requirement === line || !PINNED.test(requirement))
      return `"${shortened(requirement)}" has no version with a hash, which target ${target} needs: run \`penstock lock\`, which writes both`;
  }
  return undefined;
}

/** The lines without comments, which end with their line; after that, a backslash continues a line. */
const linesOf = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, ''))
    .join('\n')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

const shortened = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);
