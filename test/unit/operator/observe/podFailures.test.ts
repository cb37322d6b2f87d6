import { expect } from 'chai';
import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1.js';
import type { Stored } from '@penstock/kube/api/objects';
import { parseTermination, podFailure } from '../../../../operator/observe/podFailures.ts';
import { deploymentOf, podOf, stored } from '../../../support/fixtures/objects.ts';

const revision = stored();
const ended = (exitCode: number, reason: string, message = ''): Partial<ContainerStatus> => ({
  restartCount: 1,
  state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } },
  lastState: { terminated: { exitCode, reason, message } },
});

const rows: [string, Partial<ContainerStatus>, Partial<NonNullable<Pod['status']>>, string | undefined, string][] = [
  ['a pod that starts has no failure', {}, {}, undefined, ''],
  [
    'the scorer says why, reason first',
    ended(3, 'Error', 'UserScriptInitFailed: boom (score.ts:2)\n    at init'),
    {},
    'UserScriptInitFailed',
    'boom (score.ts:2)',
  ],
  [
    'a reason that is not ours is part of the message',
    ended(1, 'Error', 'TypeError: boom'),
    {},
    'DeploymentCrashLoopBackOff',
    'TypeError: boom',
  ],
  [
    'no termination message: the exit code',
    ended(137, 'Error'),
    {},
    'DeploymentCrashLoopBackOff',
    'container scorer ended with exit code 137',
  ],
  ['a container of ours that ended with exit code 0 has not failed', ended(0, 'Completed'), {}, undefined, ''],
  [
    'a server of one\u2019s own must not end',
    { ...ended(0, 'Completed'), name: 'server' },
    {},
    'DeploymentCrashLoopBackOff',
    'container server ended with exit code 0',
  ],
  ['out of memory names what to raise', ended(137, 'OOMKilled'), {}, 'PodOutOfMemory', 'resources.limits.memory'],
  [
    'an image that is not there',
    { state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' } } },
    {},
    'ImagePullLoopBackOff',
    'Back-off pulling image "x"',
  ],
  [
    'a Secret of a variable that is not there',
    { state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "words" not found' } } },
    {},
    'ResourceNotReady',
    'secret "words" not found',
  ],
  [
    'no room on any node',
    {},
    {
      containerStatuses: [],
      conditions: [
        { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' },
      ],
    },
    'PodUnschedulable',
    '0/3 nodes are available',
  ],
  [
    'an evicted pod',
    {},
    { containerStatuses: [], reason: 'Evicted', message: 'emptyDir is full' },
    'DeploymentCrashLoopBackOff',
    'emptyDir is full',
  ],
  ['a pod that recovered is forgiven', { ...ended(137, 'OOMKilled'), ready: true }, {}, undefined, ''],
  [
    'an init container fails before the scorer',
    {},
    {
      initContainerStatuses: [
        {
          name: 'fetch',
          image: '',
          imageID: '',
          ready: false,
          ...ended(3, 'Error', 'DigestMismatch: other bytes'),
        } as ContainerStatus,
      ],
    },
    'DigestMismatch',
    'other bytes',
  ],
  [
    'between two starts without a termination message',
    { restartCount: 4, state: { running: {} } },
    {},
    'ContainerRestarting',
    '4 times',
  ],
];

describe('podFailures', () => {
  for (const [sentence, container, status, reason, message] of rows) {
    it(sentence, () => {
      const failure = podFailure([podOf(revision, container, status)]);
      expect(failure?.reason).to.equal(reason);
      expect(failure?.message ?? '').to.contain(message);
    });
  }

  it('a container that has just ended counts as one more restart', () => {
    const terminated = { exitCode: 3, reason: 'Error', message: 'UserScriptInitFailed: x' };
    expect(podFailure([podOf(revision, { restartCount: 2, state: { terminated } })])).to.include({ times: 3 });
  });

  it('the failure is that of the pod with the most restarts', () => {
    const pods = [
      podOf(revision),
      podOf(revision, { ...ended(3, 'Error', 'UserScriptInitFailed: once'), restartCount: 1 }),
      podOf(revision, { ...ended(3, 'Error', 'UserScriptInitFailed: often'), restartCount: 5 }),
    ];
    expect(podFailure(pods)).to.include({ message: 'often', times: 5 });
  });

  it('out of memory names the field of the container’s limit, if Penstock has made the container', () => {
    const named = (name: string): string => {
      const status = { image: '', imageID: '', ready: false, ...ended(137, 'OOMKilled'), name } as ContainerStatus;
      return podFailure([podOf(revision, {}, { containerStatuses: [status] })])!.message;
    };
    expect(named('fetch')).to.contain('raise resources.limits.memory');
    expect(named('verify')).to.contain('raise spec.verification.resources.limits.memory');
    expect(named('istio-proxy')).to.match(/more than its memory limit$/);
  });

  it('the failure of the scorer comes before that of a container that a service mesh added', () => {
    const proxy = {
      ...{ name: 'istio-proxy', image: '', imageID: '', ready: false },
      ...ended(1, 'Error', 'no certificate'),
    } as ContainerStatus;
    const pod = podOf(revision, ended(3, 'Error', 'UserScriptInitFailed: boom'));
    const added = (statuses: ContainerStatus[] = []): Stored<Pod> => ({
      ...pod,
      status: { ...pod.status, containerStatuses: [proxy, ...statuses] },
    });
    expect(podFailure([added(pod.status?.containerStatuses)])?.message).to.equal('boom');
    expect(podFailure([added()])?.message).to.equal('no certificate');
  });

  it('a Deployment whose pods are refused: its condition is the failure', () => {
    const refused = [
      {
        type: 'ReplicaFailure',
        status: 'True',
        reason: 'FailedCreate',
        message: 'pods "x" is forbidden: exceeded quota: tight',
      },
    ];
    expect(podFailure([], deploymentOf(revision, 1, 0, refused))).to.include({ reason: 'QuotaExceeded' });
  });

  it('what stands below the first line is kept: the stack', () =>
    expect(
      podFailure([
        podOf(revision, ended(3, 'Error', 'UserScriptInitFailed: boom\nError: boom\n    at init (score.ts:2:9)')),
      ])?.detail,
    ).to.equal('Error: boom\n    at init (score.ts:2:9)'));

  it('a message stays one line however it was written', () =>
    expect(parseTermination('UserScriptInitFailed: a\tb   c\nsecond line')?.message).to.equal('a b c'));
});
