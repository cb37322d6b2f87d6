/** The files of a script, and the lock of its packages. */
import { expect } from 'chai';
import { isPython, scriptIn, withLock } from '../../../../operator/desired/script.ts';

const lock = (name: string, key: string) => ({
  field: 'x',
  key: 'requirements' as const,
  from: { configMap: { name, key } },
});
const script = { entry: 'score.py', files: { 'score.py': 'x', 'lock.txt': 'numpy' } };

describe('a script', () => {
  it('is every key of its ConfigMap', () =>
    expect(scriptIn({ name: 'code', key: 'score.py' }, { data: script.files })).to.deep.equal({ script }));

  it('whose key is missing is a problem that names the keys there are', () =>
    expect(scriptIn({ name: 'code', key: 'a.py' }, { data: script.files })).to.deep.equal({
      problem: 'ConfigMap code has no key a.py; it has score.py, lock.txt',
    }));

  for (const [file, expected] of [
    ['score.py', true],
    ['score.ts', false],
    ['score.py.ts', false],
    [undefined, false],
  ] as const)
    it(`${file} is ${expected ? '' : 'not '}in Python`, () => expect(isPython(file)).to.equal(expected));
});

describe('the lock of a script', () => {
  it('in its own ConfigMap is not one of its files', () =>
    expect(withLock(script, lock('code', 'lock.txt'), 'numpy', 'code')).to.deep.equal({
      entry: 'score.py',
      files: { 'score.py': 'x' },
      requirements: 'numpy',
    }));

  it('in another ConfigMap changes no file', () =>
    expect(withLock(script, lock('other', 'lock.txt'), 'numpy', 'code').files).to.deep.equal(script.files));

  it('never takes the place of the script itself', () =>
    expect(withLock(script, lock('code', 'score.py'), 'x', 'code').files).to.have.property('score.py'));
});
