import { expect } from 'chai';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { Job } from 'kubernetes-types/batch/v1.js';
import type { Stored } from '@penstock/kube/api/objects';
import type { ObservedModelVersion } from '../../../../operator/api/observed.ts';
import { verificationKey, verifyJob } from '../../../../operator/desired/verifyJob.ts';
import { jobState, looksRefused, verificationSlots } from '../../../../operator/observe/verificationJobs.ts';
import { planVerification } from '../../../../operator/plan/verification.ts';
import { config, DIGEST, modelVersion, NOW, verified } from '../../../support/fixtures/objects.ts';

const fresh = modelVersion({}, { observedGeneration: 1 });
const key = verificationKey(fresh);
type Change = Partial<Omit<ObservedModelVersion, 'jobs'>> & { jobs?: Stored<Job>[]; pods?: Stored<Pod>[] };
const see = ({ jobs = [], pods = [], ...change }: Change = {}): ObservedModelVersion => ({
  modelVersion: fresh,
  users: [],
  orphans: [],
  sourceExists: true,
  slots: { taken: 0, takenHere: 0 },
  now: NOW,
  jobs: jobs.map((one) => jobState(one, pods)),
  ...change,
});
const plan = (seen: ObservedModelVersion) => planVerification(seen, config);
const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

function job(attempt: number, status: Job['status'] = {}, created = 1): Stored<Job> {
  const one = verifyJob(fresh, attempt, config);
  return { ...one, metadata: { ...one.metadata, uid: `uid-${attempt}`, creationTimestamp: ago(created) }, status };
}
const failed = (secondsAgo: number): Job['status'] => ({
  conditions: [
    {
      type: 'Failed',
      status: 'True',
      reason: 'BackoffLimitExceeded',
      message: 'too many',
      lastTransitionTime: ago(secondsAgo),
    },
  ],
});
const podOf = (of: Stored<Job>, exitCode: number, message: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'p',
    namespace: 'ns',
    labels: { 'batch.kubernetes.io/job-name': of.metadata.name },
    ownerReferences: [
      { apiVersion: 'batch/v1', kind: 'Job', name: of.metadata.name, uid: of.metadata.uid ?? '', controller: true },
    ],
  },
  status: {
    containerStatuses: [
      {
        name: 'verify',
        ready: false,
        restartCount: 0,
        image: '',
        imageID: '',
        state: { terminated: { exitCode, message } },
      },
    ],
  },
});
const pinned = modelVersion({}, { ...verified(), verifiedSource: key });

interface Row {
  when: string;
  seen: ObservedModelVersion;
  ready: boolean;
  reason: string;
  message?: string;
  start?: number;
  pruned?: number;
}
const rows: Row[] = [
  { when: 'new: the first attempt starts', seen: see(), ready: false, reason: 'Verifying', start: 1 },
  {
    when: 'the ConfigMap is missing: no Job, and a reason',
    seen: see({ sourceExists: false }),
    ready: false,
    reason: 'ResourceNotReady',
    message: 'ConfigMap iris-model does not exist in this namespace',
  },
  {
    when: 'four Jobs run already: Queued',
    seen: see({ slots: { taken: 4, takenHere: 0 } }),
    ready: false,
    reason: 'VerificationQueued',
  },
  {
    when: 'three Jobs of its namespace run already: one slot stays free for others',
    seen: see({ slots: { taken: 3, takenHere: 3 } }),
    ready: false,
    reason: 'VerificationQueued',
  },
  {
    when: 'another namespace with fewer Jobs waits: it is first',
    seen: see({ slots: { taken: 2, takenHere: 1, fewestElsewhere: 0 } }),
    ready: false,
    reason: 'VerificationQueued',
  },
  {
    when: 'another namespace with as many Jobs waits',
    seen: see({ slots: { taken: 2, takenHere: 1, fewestElsewhere: 1 } }),
    ready: false,
    reason: 'Verifying',
    start: 1,
  },
  { when: 'its Job runs', seen: see({ jobs: [job(1)] }), ready: false, reason: 'Verifying' },
  {
    when: 'the Job was refused because of a quota',
    seen: see({ jobs: [job(1, {}, 9)], refusal: 'pods "x" is forbidden: exceeded quota: tight' }),
    ready: false,
    reason: 'QuotaExceeded',
  },
  {
    when: 'the Job found another digest: DigestMismatch, and not tried again at once',
    seen: see({ jobs: [job(1, failed(1))], pods: [podOf(job(1), 3, 'DigestMismatch: other bytes')] }),
    ready: false,
    reason: 'DigestMismatch',
    message: 'other bytes',
  },
  {
    when: 'ten seconds after a failure: the next attempt, and the reason stays',
    seen: see({ jobs: [job(1, failed(11))], pods: [podOf(job(1), 3, 'ResourceNotReady: 404')] }),
    ready: false,
    reason: 'ResourceNotReady',
    start: 2,
  },
  {
    when: 'during the next attempt the reason of the last one stays',
    seen: see({ jobs: [job(1, failed(11)), job(2)], pods: [podOf(job(1), 3, 'ResourceNotReady: 404')] }),
    ready: false,
    reason: 'ResourceNotReady',
    message: '404',
    pruned: 0,
  },
  {
    when: 'the next Job is refused: the reason of the last one stays',
    seen: see({
      jobs: [job(1, failed(11)), job(2, { conditions: [{ type: 'Suspended', status: 'True' }] })],
      pods: [podOf(job(1), 3, 'ResourceNotReady: 404')],
    }),
    ready: false,
    reason: 'ResourceNotReady',
    message: '404',
    pruned: 0,
  },
  {
    when: 'the next attempt fails for another reason: that reason, and the first Job is deleted',
    seen: see({
      jobs: [job(1, failed(11)), job(2, failed(1))],
      pods: [podOf(job(1), 3, 'ResourceNotReady: 404'), podOf(job(2), 3, 'DigestMismatch: other bytes')],
    }),
    ready: false,
    reason: 'DigestMismatch',
    message: 'other bytes',
    pruned: 1,
  },
  {
    when: 'the third attempt has a longer delay',
    seen: see({
      jobs: [job(1, failed(90)), job(2, failed(60)), job(3, failed(30))],
      pods: [podOf(job(3), 3, 'ResourceNotReady: 404')],
    }),
    ready: false,
    reason: 'ResourceNotReady',
    pruned: 2,
  },
  {
    when: 'a Job that ended without a termination message',
    seen: see({ jobs: [job(1, failed(1))] }),
    ready: false,
    reason: 'VerificationFailed',
    message: 'too many',
  },
  {
    when: 'verified: Ready, and all Jobs are deleted',
    seen: see({ modelVersion: pinned, jobs: [job(1)] }),
    ready: true,
    reason: 'Verified',
    pruned: 1,
  },
  {
    when: 'spec.digest is set to the verified digest: no Job',
    seen: see({ modelVersion: { ...pinned, spec: { ...pinned.spec, digest: DIGEST } } }),
    ready: true,
    reason: 'Verified',
  },
  {
    when: 'spec.digest is set to another digest: refused, with both digests',
    seen: see({ modelVersion: { ...pinned, spec: { ...pinned.spec, digest: `sha256:${'b'.repeat(64)}` } } }),
    ready: false,
    reason: 'DigestMismatch',
    message: DIGEST,
  },
  {
    when: 'a moved source is verified again, against the pinned digest',
    seen: see({
      modelVersion: { ...pinned, spec: { ...pinned.spec, source: { uri: 'https://models.example/iris.onnx' } } },
    }),
    ready: false,
    reason: 'Verifying',
    start: 1,
  },
];

describe('the verification of a model', () => {
  for (const { when, seen, ready, reason, message, start, pruned } of rows) {
    it(when, () => {
      const found = plan(seen);
      expect(found).to.include({ ready, reason });
      expect(found.message).to.contain(message ?? '');
      expect(found.start).to.equal(start);
      expect(found.prune).to.have.length(pruned ?? 0);
    });
  }

  it('an ended Job takes no slot', () => {
    const jobs = [job(1, failed(1), 5), job(2, {}, 5)];
    expect(verificationSlots('ns', jobs, [], NOW)).to.deep.equal({ taken: 1, takenHere: 1 });
  });

  it('a retry waits for a slot, too', () => {
    const seen = see({ jobs: [job(1, failed(60))], slots: { taken: 4, takenHere: 0 } });
    expect(plan(seen)).to.include({ wakeAfterMs: 15_000 }).and.not.to.have.property('start');
  });

  it('a slot is taken from other namespaces for two minutes, and from its own as long as the Job runs', () => {
    const running = (namespace: string, seconds: number) => ({
      ...job(1, { ready: 1 }, seconds),
      metadata: { ...job(1).metadata, namespace, creationTimestamp: ago(seconds) },
    });
    const jobs = [running('slow', 300), running('slow', 60), running('ns', 300)];
    expect(verificationSlots('ns', jobs, ['slow', 'ns'], NOW)).to.deep.equal({
      taken: 2,
      takenHere: 1,
      fewestElsewhere: 2,
    });
    expect(verificationSlots('slow', jobs, ['slow'], NOW)).to.deep.equal({ taken: 2, takenHere: 2 });
  });

  it('reads digest, size and signature from the termination message of the Job', () => {
    const result = { digest: DIGEST, sizeBytes: 512, signature: { inputs: [], outputs: [] } };
    expect(plan(see({ jobs: [job(1)], pods: [podOf(job(1), 0, JSON.stringify(result))] }))).to.deep.include({
      ready: true,
      result,
    });
  });

  it('other settings while its Job waits: the Job is replaced at once', () => {
    const tolerant = { ...fresh, spec: { ...fresh.spec, verification: { tolerations: [{ key: 'team' }] } } };
    const found = plan(see({ modelVersion: tolerant, jobs: [job(1)] }));
    expect(found).to.include({ reason: 'Verifying', start: 1 });
    expect(found.prune).to.have.length(1);
  });

  describe('in a pod with the proxy of a service mesh, which runs on', () => {
    const withProxy = (pod: ReturnType<typeof podOf>): Stored<Pod> => {
      const proxy = {
        name: 'istio-proxy',
        ready: true,
        restartCount: 0,
        image: '',
        imageID: '',
        state: { running: {} },
      };
      return { ...pod, status: { containerStatuses: [proxy, ...pod.status.containerStatuses] } };
    };

    it('the result is that of the container verify, and the Job is deleted', () => {
      const result = { digest: DIGEST, sizeBytes: 512 };
      const pods = [withProxy(podOf(job(1), 0, JSON.stringify(result)))];
      const found = plan(see({ jobs: [job(1)], pods }));
      expect(found).to.deep.include({ ready: true, result });
      expect(found.prune).to.have.length(1);
    });

    it('a failed verification is tried again ten seconds after its container has ended', () => {
      const pod = podOf(job(1), 3, 'ResourceNotReady: 404');
      const ended = (seconds: number) => {
        Object.assign(pod.status.containerStatuses[0]!.state.terminated, { finishedAt: ago(seconds) });
        return plan(see({ jobs: [job(1, {}, 30)], pods: [withProxy(pod)] }));
      };
      expect(ended(4)).to.include({ reason: 'ResourceNotReady', wakeAfterMs: 6_000 }).and.not.to.have.property('start');
      expect(ended(11)).to.include({ reason: 'ResourceNotReady', start: 2 });
    });
  });

  it('a pod with the labels of the Job, but another controller, is ignored', () => {
    const forged = podOf(job(1), 0, JSON.stringify({ digest: DIGEST, sizeBytes: 512 }));
    for (const ownerReferences of [
      [],
      [{ ...forged.metadata.ownerReferences[0]!, uid: 'another' }],
      [{ ...forged.metadata.ownerReferences[0]!, kind: 'ReplicaSet' }],
    ]) {
      expect(
        plan(see({ jobs: [job(1)], pods: [{ ...forged, metadata: { ...forged.metadata, ownerReferences } }] })),
      ).to.include({ ready: false, reason: 'Verifying' });
    }
  });

  for (const text of [
    '',
    'null',
    '[]',
    '{"digest":"sha256:1","sizeBytes":1}',
    `{"digest":"${DIGEST}","sizeBytes":-1}`,
    `{"digest":"${DIGEST}","sizeBytes":1,"signature":{"inputs":[{"name":1}],"outputs":[]}}`,
    `{"digest":"${DIGEST}","sizeBytes":1,"signature":null}`,
  ]) {
    it(`${text.slice(0, 60)} is not a result`, () =>
      expect(plan(see({ jobs: [job(1)], pods: [podOf(job(1), 0, text)] }))).to.include({
        ready: false,
        reason: 'VerificationFailed',
      }));
  }
  it('fields of a result that are not known are left out', () =>
    expect(
      plan(
        see({
          jobs: [job(1)],
          pods: [podOf(job(1), 0, JSON.stringify({ digest: DIGEST, sizeBytes: 1, usedBy: { count: 9 }, rows: 'Yes' }))],
        }),
      ).result,
    ).to.deep.equal({ digest: DIGEST, sizeBytes: 1 }));

  it('gives the Job the pinned digest to check', () => {
    const moved = modelVersion({}, verified());
    expect(JSON.stringify(verifyJob(moved, 1, config))).to.contain(DIGEST);
  });

  it('a Job without a pod: the reason of a refused pod is read', () => {
    expect(looksRefused(jobState(job(2, {}, 9), [podOf(job(1), 3, 'ResourceNotReady: 404')]), NOW)).to.equal(true);
    expect(looksRefused(jobState(job(2, {}, 9), [podOf(job(2), 3, 'ResourceNotReady: 404')]), NOW)).to.equal(false);
  });
});

describe('the time of the next look at a verification', () => {
  const wake = (change: Change): number | undefined => plan(see(change)).wakeAfterMs;

  it('is soon while its Job has no pod, for a while', () => {
    const [soon, later] = [wake({ jobs: [job(1)] }), wake({ jobs: [job(1, {}, 3_600)] })];
    expect(soon).to.be.a('number').and.greaterThan(0);
    expect(later).to.equal(undefined);
  });

  it('is an event once the pod of the Job exists', () => {
    const one = job(1);
    const running = { ...podOf(one, 0, ''), status: { containerStatuses: [] } };
    expect(wake({ jobs: [one], pods: [running] })).to.equal(undefined);
  });

  it('after a failure is what is left of the delay, which doubles', () => {
    const after = (attempt: number, secondsAgo: number) => wake({ jobs: [job(attempt, failed(secondsAgo), 100)] });
    expect(after(1, 4)! - after(1, 5)!).to.equal(1_000);
    expect(after(2, 4)! + 4_000).to.equal(2 * (after(1, 4)! + 4_000));
    expect(after(30, 0)).to.be.at.most(3_600_000);
  });

  it('counts from the creation of a Job without conditions', () => {
    const one = { ...job(1, {}, 2) };
    const ended = { ...podOf(one, 3, 'ModelLoadFailed: no') };
    const found = plan(see({ jobs: [one], pods: [ended] }));
    expect([found.ready, found.start]).to.deep.equal([false, undefined]);
  });
});

describe('the Jobs that are deleted', () => {
  const pruned = (change: Change): string[] =>
    plan(see(change)).prune.map(({ metadata }) => metadata.name.split('-').at(-1)!);

  it('are the older ones of several attempts, in any order', () =>
    expect(pruned({ jobs: [job(3), job(1, failed(50), 100), job(2, failed(20), 60)] })).to.deep.equal(['1']));

  it('are all but the last when the last has failed', () =>
    expect(pruned({ jobs: [job(2, failed(2)), job(1, failed(20), 60)] })).to.deep.equal(['1']));

  it('are those of another source', () => {
    const moved = modelVersion({ source: { uri: 'configmap://moved' } }, { observedGeneration: 1 });
    const other = verifyJob(moved, 1, config);
    const stale = { ...other, metadata: { ...other.metadata, uid: 'stale' } };
    expect(plan(see({ jobs: [job(1), stale] })).prune.map(({ metadata }) => metadata.uid)).to.deep.equal(['stale']);
  });

  it('are all of a verified ModelVersion', () =>
    expect(pruned({ modelVersion: pinned, jobs: [job(1), job(2)] }).sort()).to.deep.equal(['1', '2']));
});
