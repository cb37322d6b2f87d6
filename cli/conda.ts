/** A conda environment file as Python requirements, as far as a package index can provide it. Pure. */
import { UserError } from './manifests.ts';

export interface CondaEnvironment {
  /** Minor version of Python, where the file says one. */
  version?: string;
  /** Lines of a requirements.in. */
  requirements: string[];
  /** What was translated, for the user. */
  notes: string[];
}

/** Packages that have the same name and content on conda-forge and on PyPI. */
const SAME_NAME = new Set(
  (
    'cloudpickle cython flask h5py joblib lightgbm matplotlib networkx nltk numpy onnxruntime pandas pillow protobuf ' +
    'pyarrow pyyaml requests scikit-learn scipy setuptools statsmodels sympy tqdm wheel xgboost'
  ).split(' '),
);
const CHANNELS = ['conda-forge', 'defaults', 'nodefaults'];
const OWN_IMAGE = 'build an image with conda and name it in environment.image';

/** Throws UserError for what only conda can install. */
export function condaRequirements(file: unknown): CondaEnvironment {
  const { channels = [], dependencies } = (file ?? {}) as { channels?: string[]; dependencies?: unknown };
  if (!Array.isArray(dependencies)) throw new UserError('a conda environment has a list `dependencies`');
  const channel = channels.find((one) => !CHANNELS.includes(one));
  if (channel !== undefined) throw new UserError(`channel ${channel} is not supported: ${OWN_IMAGE}`);
  const result: CondaEnvironment = { requirements: [], notes: [] };
  for (const entry of dependencies as unknown[]) {
    if (typeof entry === 'string') addCondaPackage(entry, result);
    else result.requirements.push(...pipLines(entry));
  }
  return result;
}

function pipLines(entry: unknown): string[] {
  const { pip } = (entry ?? {}) as { pip?: unknown };
  if (!Array.isArray(pip)) throw new UserError('an entry of `dependencies` is a package, or a list `pip`');
  const lines = pip.map(String);
  const refused = lines.find((line) => /^-|:\/\/| @ /.test(line.trim()));
  if (refused !== undefined) throw new UserError(`"${refused}" of \`pip\` does not come from an index: ${OWN_IMAGE}`);
  return lines;
}

function addCondaPackage(entry: string, result: CondaEnvironment): void {
  const [, name = '', constraint = ''] = /^([-._A-Za-z0-9]+) *(.*)$/.exec(entry.trim()) ?? [];
  if (name === 'pip') return;
  if (name === 'python') return setVersion(constraint, result);
  if (!SAME_NAME.has(name))
    throw new UserError(`conda package ${name} is not known to be the same on a Python package index: ${OWN_IMAGE}`);
  const requirement = `${name}${pipConstraint(constraint, entry)}`;
  result.requirements.push(requirement);
  result.notes.push(`conda package ${entry} is taken as ${requirement} of the package index`);
}

function setVersion(constraint: string, result: CondaEnvironment): void {
  if (constraint === '') return;
  const version = /^={1,2} *(3\.\d+)/.exec(constraint)?.[1];
  if (version === undefined)
    throw new UserError(`"python${constraint}": write the minor version of Python, for example python=3.11`);
  result.version = version;
}

/** In conda, `=1.2` means any 1.2; three parts, or two equals signs, mean exactly that version. */
function pipConstraint(constraint: string, entry: string): string {
  const exact = /^(={1,2}) *([0-9][0-9A-Za-z.]*)$/.exec(constraint);
  if (exact) {
    const [, sign, version = ''] = exact;
    return sign === '==' || version.split('.').length > 2 ? `==${version}` : `==${version}.*`;
  }
  if (constraint === '' || /^(>=|<=|<|>|!=|~=)[0-9A-Za-z.*]+(,(>=|<=|<|>|!=|~=)[0-9A-Za-z.*]+)*$/.test(constraint))
    return constraint;
  throw new UserError(`"${entry}" has a build or a constraint that only conda reads: ${OWN_IMAGE}`);
}
