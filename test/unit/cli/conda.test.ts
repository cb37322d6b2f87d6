/** conda environments as Python requirements: what is taken, and what needs an image of one's own. */
import { expect } from 'chai';
import { condaRequirements } from '../../../cli/conda.ts';

const of = (...dependencies: unknown[]) => condaRequirements({ channels: ['conda-forge'], dependencies });

describe('a conda environment', () => {
  it('as Azure documents it', () =>
    expect(
      of('python=3.10', 'numpy=1.23.5', 'pip=22.2', 'scikit-learn=1.2', {
        pip: ['azureml-defaults', 'inference-schema[numpy-support]==1.8'],
      }),
    ).to.deep.equal({
      version: '3.10',
      requirements: [
        'numpy==1.23.5',
        'scikit-learn==1.2.*',
        'azureml-defaults',
        'inference-schema[numpy-support]==1.8',
      ],
      notes: [
        'conda package numpy=1.23.5 is taken as numpy==1.23.5 of the package index',
        'conda package scikit-learn=1.2 is taken as scikit-learn==1.2.* of the package index',
      ],
    }));

  const taken: [entry: string, requirement: string][] = [
    ['numpy', 'numpy'],
    ['numpy==1.2', 'numpy==1.2'],
    ['numpy >=1.2,<2', 'numpy>=1.2,<2'],
    ['numpy=1', 'numpy==1.*'],
  ];
  for (const [entry, requirement] of taken)
    it(`${entry} is ${requirement}`, () => expect(of(entry).requirements).to.deep.equal([requirement]));

  it('without a version of Python says none', () => expect(of('python', 'numpy')).not.to.have.property('version'));

  const refused: [what: string, file: unknown, message: string][] = [
    ['another channel', { channels: ['pytorch'], dependencies: [] }, 'channel pytorch is not supported'],
    ['a package of conda', { dependencies: ['cudatoolkit=11'] }, 'conda package cudatoolkit is not known'],
    ['a build', { dependencies: ['numpy=1.2.3=py310h'] }, 'only conda reads'],
    ['a range of Python', { dependencies: ['python>=3.8'] }, 'write the minor version of Python'],
    ['another file', { dependencies: [{ pip: ['-r more.txt'] }] }, 'does not come from an index'],
    ['a repository', { dependencies: [{ pip: ['git+https://x.example/x'] }] }, 'does not come from an index'],
    ['no dependencies', { name: 'x' }, 'has a list `dependencies`'],
    ['an entry of another kind', { dependencies: [{ conda: [] }] }, 'a package, or a list `pip`'],
    ['an empty file', undefined, 'has a list `dependencies`'],
  ];
  for (const [what, file, message] of refused)
    it(`${what} is refused`, () => expect(() => condaRequirements(file)).to.throw(message));
});
