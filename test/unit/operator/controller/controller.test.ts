/** A worker's view of what a reconcile comes back with: tried again, left alone, or looked at later. */
import { expect } from 'chai';
import { Registry } from 'prom-client';
import type { Key, Result } from '../../../../operator/api/flow.ts';
import { runController } from '../../../../operator/controller/controller.ts';
import { KubeError } from '../../../../operator/kube/errors.ts';
import { NotLeading } from '../../../../operator/kube/fence.ts';
import { jsonLogger } from '../../../../operator/observability/logger.ts';
import { operatorMetrics } from '../../../../operator/observability/metrics.ts';
import { WorkQueue } from '../../../../operator/queue/workqueue.ts';

describe('a controller', () => {
  const rows: { when: string; fails: Error }[] = [
    { when: 'another writer was faster', fails: new KubeError(409, 'Conflict', 'the object has been modified') },
    { when: 'the server has too much to do', fails: new KubeError(503, 'ServiceUnavailable', 'try again', 10) },
    { when: 'the lease was renewed late, and is held all the same', fails: new NotLeading() },
  ];
  for (const { when, fails } of rows) {
    it(`tries a key again: ${when}`, async () => {
      const queue = new WorkQueue();
      const tried: Key[] = [];
      const twice = new Promise<void>((resolve) => {
        const reconcile = (key: Key): Promise<Result> => {
          if (tried.push(key) === 1) return Promise.reject(fails);
          resolve();
          return Promise.resolve({ next: 'rest' });
        };
        void runController({
          name: 'test',
          queue,
          reconcile,
          workers: 2,
          logger: jsonLogger('silent'),
          metrics: operatorMetrics(new Registry()),
        });
      });
      queue.add('ns/p');
      await twice;
      queue.shutDown();
      expect(tried).to.deep.equal(['ns/p', 'ns/p']);
    });
  }
});
