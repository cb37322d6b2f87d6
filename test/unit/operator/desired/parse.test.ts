/** What is read out of a revision's ConfigMap: only what Penstock itself could have written becomes pods. */
import { MOUNT } from '@penstock/contract';
import { expect } from 'chai';
import type { ConfigMap, Container, PodSpec, PodTemplateSpec, Volume, VolumeMount } from 'kubernetes-types/core/v1.js';
import type { Stored } from '@penstock/kube/api/objects';
import { parseRevision, revisionConfigMap } from '../../../../operator/desired/revision.ts';
import { config, modelVersion, observed, pipeline, wanted } from '../../../support/fixtures/objects.ts';

const script = {
  entry: 'score.ts',
  files: { 'score.ts': 'export const init = () => {}; export const run = (x) => x;' },
};
const owner = pipeline({ scoring: { script: script.files['score.ts'] }, serviceAccountName: 'reader' });
const written = revisionConfigMap(owner, wanted(observed({ pipeline: owner, script })), script);

type Writable = Omit<PodSpec, 'containers' | 'volumes' | 'initContainers'> & {
  containers: [Container & { volumeMounts: VolumeMount[] }, ...Container[]];
  initContainers: [Container, ...Container[]];
  volumes: Volume[];
};

/** A ConfigMap with another template. */
function forged(change: (spec: Writable) => unknown, of = written): Stored<ConfigMap> {
  const template = JSON.parse(of.data!['podTemplate.json']!) as PodTemplateSpec;
  change(template.spec as Writable);
  return { ...of, data: { ...of.data, 'podTemplate.json': JSON.stringify(template) } };
}

describe('a revision read out of its ConfigMap', () => {
  it('is the one that was written', () =>
    expect(revisionConfigMap(owner, { ...parseRevision(written)! }, script).data).to.deep.equal(written.data));
  it('is one with the defaults of the server in it', () =>
    expect(
      parseRevision(
        forged((spec) =>
          Object.assign(spec, {
            restartPolicy: 'Always',
            dnsPolicy: 'ClusterFirst',
            schedulerName: 'default-scheduler',
            serviceAccount: 'reader',
          }),
        ),
      ),
    ).not.to.equal(undefined));

  it('is one without ids of user and group', () =>
    expect(
      parseRevision(
        forged((spec) => (spec.securityContext = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })),
      ),
    ).not.to.equal(undefined));

  const forgeries: [string, (spec: Writable) => unknown][] = [
    ['a token', (spec) => (spec.automountServiceAccountToken = true)],
    ['the default of the token', (spec) => delete spec.automountServiceAccountToken],
    ['the network of the node', (spec) => (spec.hostNetwork = true)],
    ['the processes of the node', (spec) => (spec.hostPID = true)],
    ['root', (spec) => (spec.securityContext!.runAsNonRoot = false)],
    ['another user', (spec) => (spec.securityContext!.runAsUser = 0)],
    ['no security context', (spec) => delete spec.securityContext],
    ['a privileged container', (spec) => (spec.containers[0].securityContext!.privileged = true)],
    ['another image', (spec) => (spec.containers[0].image = 'other')],
    ['another image that fetches', (spec) => (spec.initContainers[0].image = 'other')],
    ['a command', (spec) => (spec.containers[0].command = ['node'])],
    ['other arguments', (spec) => (spec.containers[0].args = ['-e'])],
    ['one more container', (spec) => spec.containers.push({ name: 'more', image: config.scorerImage })],
    ['one more init container', (spec) => spec.initContainers.push(spec.initContainers[0])],
    ['a path of the node', (spec) => spec.volumes.push({ name: 'node', hostPath: { path: '/' } })],
    [
      'a projected token',
      (spec) =>
        spec.volumes.push({ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }),
    ],
    [
      'a Secret beside the script',
      (spec) => {
        spec.volumes.push({ name: 'secret-iris', secret: { secretName: 'crown' } });
        spec.containers[0].volumeMounts[2]!.name = 'secret-iris';
      },
    ],
    ['a mount over the scorer itself', (spec) => (spec.containers[0].volumeMounts[2]!.mountPath = '/opt')],
    ['no containers', (spec) => delete (spec as Partial<Writable>).containers],
    ['containers that are none', (spec) => (spec.containers = [null as never])],
  ];
  for (const [what, change] of forgeries)
    it(`is none with ${what}`, () => expect(parseRevision(forged(change))).to.equal(undefined));

  describe('of a script in Python', () => {
    const python = { entry: 'score.py', files: { 'score.py': 'x' }, requirements: 'numpy==2 --hash=sha256:ab' };
    const indexed = { ...config, python: { ...config.python, indexSecret: 'index', cacheClaim: 'packages' } };
    const ofPython = pipeline({ scoring: { scriptFrom: { configMap: { name: 'score', key: 'score.py' } } } });
    const seen = observed({ pipeline: ofPython, script: python });
    const stored = revisionConfigMap(ofPython, wanted(seen, indexed), python);
    const parsed = (change: (spec: Writable) => unknown) => parseRevision(forged(change, stored));

    it('is the one that was written, with its requirements', () => {
      expect(parsed(() => undefined)?.record.python?.image).to.equal('penstock/python:3.11-test');
      expect(stored.data).to.include({ 'requirements.txt': python.requirements });
    });

    const rows: [string, (spec: Writable) => unknown][] = [
      ['another image', (spec) => (spec.containers[0].image = 'other')],
      ['another command', (spec) => (spec.containers[0].command = ['sh', '-c', 'env'])],
      ['another module', (spec) => (spec.containers[0].command![2] = 'http.server')],
      ['arguments', (spec) => (spec.containers[0].args = ['x'])],
      ['a privileged container', (spec) => (spec.containers[0].securityContext!.privileged = true)],
      ['the container twice', (spec) => (spec.containers[0] = spec.containers[1] as never)],
      ['another program that installs', (spec) => (spec.initContainers[1]!.command = ['sh'])],
      [
        'the credentials of the index beside the script',
        (spec) => spec.containers[0].volumeMounts.push({ name: 'index', mountPath: '/tmp' }),
      ],
      [
        'the cache of packages beside the script',
        (spec) => spec.containers[0].volumeMounts.push({ name: 'package-cache', mountPath: '/tmp' }),
      ],
      [
        'a claim as the source of a model',
        (spec) => spec.initContainers[0].volumeMounts!.push({ name: 'package-cache', mountPath: MOUNT.sources }),
      ],
      [
        'a claim that can be written as the source of a model',
        (spec) => spec.initContainers[0].volumeMounts!.push({ name: 'package-cache', mountPath: `${MOUNT.sources}/m` }),
      ],
      [
        'a claim as the folder of packages',
        (spec) =>
          (spec.initContainers[1]!.volumeMounts!.find(({ name }) => name === 'packages')!.name = 'package-cache'),
      ],
    ];
    for (const [what, change] of rows) it(`is none with ${what}`, () => expect(parsed(change)).to.equal(undefined));
    it('has the credentials of the index and the cache where the packages are installed', () => {
      const { spec } = JSON.parse(stored.data!['podTemplate.json']!) as PodTemplateSpec;
      const [, installing] = spec!.initContainers!;
      expect(installing!.volumeMounts!.map(({ name }) => name)).to.include.members(['index', 'package-cache']);
      expect(installing!.env).to.deep.include({ name: 'PENSTOCK_PACKAGE_CACHE', value: '/var/penstock/package-cache' });
      expect(spec!.volumes).to.deep.include({
        name: 'package-cache',
        persistentVolumeClaim: { claimName: 'packages' },
      });
    });
  });

  describe('of a model in a claim', () => {
    const claimed = modelVersion({ source: { uri: 'pvc://models/iris' } });
    const seen = observed({ modelVersions: { 'iris-1': claimed } });
    const stored = revisionConfigMap(pipeline(), wanted(seen), {});
    const parsed = (change: (spec: Writable) => unknown) => parseRevision(forged(change, stored));
    const volume = (spec: Writable) => spec.volumes.find(({ persistentVolumeClaim }) => persistentVolumeClaim)!;

    it('is the one that was written', () => expect(parsed(() => undefined)).not.to.equal(undefined));
    const rows: [string, (spec: Writable) => unknown][] = [
      ['a claim that can be written', (spec) => delete volume(spec).persistentVolumeClaim!.readOnly],
      [
        'the claim beside the model',
        (spec) => spec.containers[0].volumeMounts.push({ name: volume(spec).name, mountPath: '/tmp' }),
      ],
      [
        'the claim where the model is read',
        (spec) => (spec.initContainers[0].volumeMounts!.at(-1)!.mountPath = MOUNT.models),
      ],
    ];
    for (const [what, change] of rows) it(`is none with ${what}`, () => expect(parsed(change)).to.equal(undefined));
  });

  describe('of a server of the user\u2019s own', () => {
    const environment = { image: 'team/scorer:1', server: { port: 5001, command: ['serve'], args: ['--fast'] } };
    const ofServer = pipeline({ environment });
    const stored = revisionConfigMap(ofServer, wanted(observed({ pipeline: ofServer })), {});
    const parsed = (change: (spec: Writable) => unknown) => parseRevision(forged(change, stored));

    it('is the one that was written', () => {
      expect(parsed(() => undefined)?.record.server).to.deep.equal({ image: 'team/scorer:1' });
    });
    const rows: [string, (spec: Writable) => unknown][] = [
      ['another image', (spec) => (spec.containers[0].image = 'other')],
      ['a privileged container', (spec) => (spec.containers[0].securityContext!.privileged = true)],
      ['a container of another name', (spec) => (spec.containers[0].name = 'other')],
      ['two of them', (spec) => spec.containers.push(spec.containers[0])],
      ['it before the scorer', (spec) => spec.initContainers.push(spec.containers[0])],
      ['a mount of the scorer', (spec) => (spec.containers[0].volumeMounts[0]!.mountPath = '/app')],
    ];
    for (const [what, change] of rows) it(`is none with ${what}`, () => expect(parsed(change)).to.equal(undefined));
  });

  describe('of a script with npm packages', () => {
    const npm = { entry: 'score.ts', files: { 'score.ts': 'x' }, packageLock: '{}' };
    const ofNpm = pipeline({ scoring: { scriptFrom: { configMap: { name: 'score', key: 'score.ts' } } } });
    const stored = revisionConfigMap(ofNpm, wanted(observed({ pipeline: ofNpm, script: npm })), npm);
    const parsed = (change: (spec: Writable) => unknown) => parseRevision(forged(change, stored));
    it('is the one that was written, with its lock', () => {
      expect(parsed(() => undefined)?.record.npm?.lockDigest).to.match(/^sha256:/);
      expect(stored.data).to.include({ 'package-lock.json': '{}' });
    });
    it('is none with another program that installs', () =>
      expect(parsed((spec) => (spec.initContainers[1]!.args = ['serve']))).to.equal(undefined));
  });

  for (const key of ['revision.json', 'podTemplate.json']) {
    for (const text of ['', '{', 'null', '[]', '{}', '{"spec":null}', '{"models":[null],"image":"x"}']) {
      it(`is none with ${key}: ${text}`, () =>
        expect(parseRevision({ ...written, data: { ...written.data, [key]: text } })).to.equal(undefined));
    }
  }
});
