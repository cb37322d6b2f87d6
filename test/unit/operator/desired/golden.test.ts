/** Goldens: a pipeline in, every child it gets out. */
import { expect } from 'chai';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as yaml from 'js-yaml';
import type { Script } from '../../../../operator/api/observed.ts';
import type { InferencePipeline } from '../../../../operator/api/types.gen.ts';
import { autoscaler } from '../../../../operator/desired/autoscaler.ts';
import { children } from '../../../../operator/desired/children.ts';
import { trafficTable } from '../../../../operator/desired/traffic.ts';
import { planRollout } from '../../../../operator/plan/rollout.ts';
import { config, modelVersion, observed, pipeline as base } from '../../../support/fixtures/objects.ts';

const SCRIPTS: Record<string, Script> = {
  'score.py': { entry: 'score.py', files: { 'score.py': 'x' }, requirements: 'numpy==2.4.6 --hash=sha256:ab\n' },
  'score.ts': { entry: 'score.ts', files: { 'score.ts': 'x' }, packageLock: '{"lockfileVersion": 3}' },
};
const folder = join(import.meta.dirname, '../../../golden');

function firstDay(file: string): object[] {
  const given = yaml.load(readFileSync(file, 'utf8')) as InferencePipeline;
  const pipeline = { ...given, metadata: { ...base().metadata, ...given.metadata } };
  const { script: text, scriptFrom } = pipeline.spec.scoring ?? {};
  const remote = modelVersion({
    source: { uri: 'https://models.example/a/net.onnx?sig=x', secretRef: { name: 'access' } },
  });
  const seen = observed({
    pipeline,
    keyHashes: pipeline.spec.target === 'Development' ? [] : ['a', 'b'],
    ...(pipeline.spec.target === 'Managed' && {
      activator: {
        port: 20_007,
        addresses: ['10.0.0.8'],
        addressType: 'IPv4' as const,
        serviceReady: false,
        synced: false,
      },
    }),
    modelVersions: {
      'iris-1': modelVersion(),
      'remote-1': { ...remote, metadata: { ...remote.metadata, name: 'remote-1' } },
    },
    ...(text === undefined ? {} : { script: { entry: 'score.ts', files: { 'score.ts': text } } }),
    ...(scriptFrom && { script: SCRIPTS[scriptFrom.configMap.key]! }),
  });
  const plan = planRollout(seen, config);
  const made = children({
    ...plan,
    pipeline,
    traffic: trafficTable(seen, plan, seen.keyHashes ?? []),
    scriptFiles: seen.script ?? {},
    networkAccess: config.networkAccess,
    initialized: false,
  }).flat();
  return [
    ...made,
    ...(plan.effective.minReplicas < plan.effective.maxReplicas
      ? [
          autoscaler(
            pipeline,
            plan.live.find(({ revision }) => revision.name === plan.stable)!.revision,
            plan.effective,
            plan.metrics,
          ),
        ]
      : []),
  ];
}

/**
 * JSON in annotations, variables and ConfigMaps as YAML below the key `json`, so that a diff shows the changed line.
 */
function unfolded(value: unknown): unknown {
  if (typeof value === 'string') return /^[[{]/.test(value) ? { json: unfolded(JSON.parse(value)) } : value;
  if (Array.isArray(value)) return value.map(unfolded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, unfolded(one)]));
}

describe('all children of a pipeline', () => {
  for (const file of globSync('*.input.yaml', { cwd: folder })) {
    it(basename(file, '.input.yaml'), () => {
      const golden = join(folder, file.replace('.input.', '.want.'));
      const made = firstDay(join(folder, file))
        .map((object) => yaml.dump(unfolded(JSON.parse(JSON.stringify(object))), { lineWidth: 120, noRefs: true }))
        .join('---\n');
      if (process.env.UPDATE_GOLDEN) writeFileSync(golden, made);
      expect(made).to.equal(readFileSync(golden, 'utf8'));
    });

    it(`${basename(file, '.input.yaml')}: no child carries spec.replicas, a token or root`, () => {
      const text = JSON.stringify(firstDay(join(folder, file)));
      expect(text).not.to.match(/"replicas"/);
      const pods = firstDay(join(folder, file)).flatMap((object) =>
        (object as { kind: string; spec: { template: { spec: Record<string, unknown> } } }).kind === 'Deployment'
          ? [(object as { spec: { template: { spec: Record<string, unknown> } } }).spec.template.spec]
          : [],
      );
      expect(pods[0]).to.deep.include({ automountServiceAccountToken: false });
      expect(pods[0]).to.have.nested.property('securityContext.runAsNonRoot', true);
    });
  }
});
