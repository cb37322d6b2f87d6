/** crds/examples against the real API server: valid ones are taken, each invalid one is refused with its sentence. */
import { expect } from 'chai';
import { execa } from 'execa';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { startControlPlane, type ControlPlane } from '../../../hack/cluster/controlPlane.ts';

const root = join(import.meta.dirname, '../../..');
let api: ControlPlane;

const kubectl = (...args: string[]) => execa(api.kubectl, args, { env: { KUBECONFIG: api.kubeconfig }, reject: false });

describe('the CRDs on a real API server', function () {
  this.timeout(60_000);
  before(async () => {
    api = await startControlPlane();
    const installed = await kubectl(
      'apply',
      '--server-side',
      '--validate=strict',
      '-f',
      join(root, 'crds/inferencepipelines.yaml'),
      '-f',
      join(root, 'crds/modelversions.yaml'),
    );
    expect(installed.exitCode, installed.stderr).to.equal(0); // refuses CEL over the cost limit, too
    await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=20s');
  });
  after(() => api.stop());

  for (const file of globSync('crds/examples/valid/*.yaml', { cwd: root })) {
    it(`takes ${basename(file)}`, async () => {
      const applied = await kubectl('create', '--dry-run=server', '--validate=strict', '-f', join(root, file));
      expect(applied.stderr).to.equal('');
    });
  }

  for (const file of globSync('crds/examples/invalid/*.yaml', { cwd: root })) {
    const expected = /^# expect: (.*)$/m.exec(readFileSync(join(root, file), 'utf8'))![1]!;
    it(`refuses ${basename(file)}: ${expected}`, async () => {
      const applied = await kubectl('create', '--dry-run=server', '--validate=strict', '-f', join(root, file));
      expect(applied.exitCode).to.equal(1);
      expect(applied.stderr).to.contain(expected);
    });
  }

  describe('the spec of a ModelVersion cannot be changed', () => {
    const patch = (spec: object) =>
      kubectl('patch', 'modelversion', 'iris-2', '--type=merge', '-p', JSON.stringify({ spec }));
    const digest = `sha256:${'a'.repeat(64)}`;
    before(() => kubectl('create', '-f', join(root, 'crds/examples/valid/modelversion-configmap.yaml')));

    for (const [field, value] of Object.entries({ model: 'other', version: '9', format: 'Files' })) {
      it(`${field} cannot be changed`, async () =>
        expect((await patch({ [field]: value })).stderr).to.contain(
          `${field} cannot be changed: register another ModelVersion`,
        ));
    }
    it('a digest may be added once', async () => expect((await patch({ digest })).exitCode).to.equal(0));
    it('and then not be changed', async () =>
      expect((await patch({ digest: `sha256:${'b'.repeat(64)}` })).stderr).to.contain(
        'digest cannot be changed or removed',
      ));
    it('nor be removed', async () =>
      expect((await patch({ digest: null })).stderr).to.contain('digest cannot be changed or removed'));
    it('its source may move', async () =>
      expect((await patch({ source: { uri: 'https://models.example/iris.onnx' } })).exitCode).to.equal(0));
  });
});
