/** Names, hashes and labels of children. */
import { expect } from 'chai';
import fc from 'fast-check';
import { canonical, filesDigest, hashOf, sha256 } from '../../../../operator/desired/hash.ts';
import { childMeta, podSelector } from '../../../../operator/desired/meta.ts';
import { names } from '../../../../operator/desired/names.ts';
import { pipeline } from '../../../support/fixtures/objects.ts';

const HASH = 'abcdef0123456789';
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
/** Names of pipelines (at most 50 characters) and of ModelVersions (at most 63). */
const name = (most: number) => fc.stringMatching(new RegExp(`^[a-z]([-a-z0-9]{0,${most - 2}}[a-z0-9])?$`));

describe('the name of a child', () => {
  it('is a DNS label of at most 63 characters, whatever the pipeline is called', () =>
    fc.assert(
      fc.property(name(50), (one) => {
        for (const child of [names.keys(one), names.traffic(one), names.activator(one), names.revision(one, HASH)]) {
          expect(child).to.match(LABEL);
          expect(child.length).to.be.at.most(63);
        }
      }),
    ));

  it('of a verification Job is one, too, whatever the ModelVersion is called', () =>
    fc.assert(
      fc.property(name(63), fc.integer({ min: 0, max: 9_999 }), (one, attempt) => {
        const job = names.verifyJob(one, HASH, attempt);
        expect(job).to.match(LABEL);
        expect(job.length).to.be.at.most(63);
      }),
    ));

  it('of a volume is one, and two long names of models that differ at the end have two', () =>
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/), fc.constantFrom('a', 'b'), (one, end) => {
        const volume = names.volume('source', one);
        expect(volume).to.match(LABEL);
        expect(volume.length).to.be.at.most(63);
        const other = one.slice(0, -1) + (one.endsWith(end) ? '0' : end);
        expect(names.volume('source', other)).not.to.equal(volume);
        expect(names.volume('secret', one)).not.to.equal(volume);
      }),
    ));

  it('of a volume is that of its model, where it is not too long', () => {
    expect(names.volume('source', 'iris')).to.equal('source-iris');
    expect(names.volume('source', `${'a'.repeat(47)}--${'b'.repeat(14)}`)).to.match(/^source-a{47}-[0-9a-f]{8}$/);
  });

  it('is recognized', () => {
    for (const child of ['iris', 'iris-traffic', 'iris-activator', 'iris-0a1b2c3d'])
      expect(names.isChild('iris', child), child).to.equal(true);
    for (const other of ['iris-keys', 'iris-0a1b2c3', 'iris-0a1b2c3d4', 'iris-traffic-x', 'iri', 'irisx', 'x-iris'])
      expect(names.isChild('iris', other), other).to.equal(false);
  });
});

describe('a hash', () => {
  it('does not depend on the order of fields, and ignores undefined ones', () => {
    expect(canonical({ b: 1, a: [2, { d: undefined, c: null }] })).to.equal('{"a":[2,{"c":null}],"b":1}');
    expect(hashOf({ a: 1, b: 2 })).to.equal(hashOf({ b: 2, c: undefined, a: 1 }));
    expect(hashOf({ a: [1, 2] })).not.to.equal(hashOf({ a: [2, 1] }));
    expect(canonical(undefined)).to.equal('null');
  });

  it('refuses a value of more than 100 levels', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 101; i++) deep = [deep];
    expect(() => canonical(deep)).to.throw('nested more than 100 levels');
  });

  it('of files is that of sha256sum’s lines, sorted by name', () => {
    const binary = Buffer.from([0, 255]).toString('base64');
    const digest = filesDigest({ files: { b: 'x', a: 'y' }, binaries: { c: binary } });
    const lines = `${sha256('y')}  a\n${sha256('x')}  b\n`;
    expect(digest).to.match(/^sha256:[0-9a-f]{64}$/);
    expect(filesDigest({ files: { a: 'y', b: 'x' } })).to.equal(`sha256:${sha256(lines)}`);
    expect(digest).not.to.equal(filesDigest({ files: { a: 'y', b: 'x' } }));
  });
});

describe('the metadata of a child', () => {
  it('has Penstock’s labels and the controller', () => {
    const meta = childMeta(pipeline(), 'iris-traffic', { more: 'x' });
    expect(meta).to.deep.equal({
      name: 'iris-traffic',
      namespace: 'ns',
      labels: { 'app.kubernetes.io/managed-by': 'penstock', more: 'x' },
      ownerReferences: [
        {
          apiVersion: 'penstock.dev/v1alpha1',
          kind: 'InferencePipeline',
          name: 'iris',
          uid: 'uid-pipeline',
          controller: true,
        },
      ],
    });
  });

  it('selects the pods of a pipeline, or of one revision', () => {
    expect(podSelector('iris')).to.deep.equal({ 'penstock.dev/pipeline': 'iris' });
    expect(podSelector('iris', 'iris-1')).to.deep.equal({
      'penstock.dev/pipeline': 'iris',
      'penstock.dev/revision': 'iris-1',
    });
  });
});
