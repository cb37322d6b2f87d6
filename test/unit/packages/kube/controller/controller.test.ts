/** What a controller does with the result of a reconcile, and what its log lines have. */
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { Writable } from 'node:stream';
import winston from 'winston';
import type { Key } from '@penstock/kube/api/keys';
import type { Result } from '@penstock/kube/controller/result';
import { failureClass, runController } from '@penstock/kube/controller/controller';
import { KubeError } from '@penstock/kube/client/errors';
import { NotLeading } from '@penstock/kube/client/fence';
import { jsonLogger } from '@penstock/server/logger';
import { operatorMetrics } from '../../../../../operator/metrics.ts';
import { WorkQueue } from '@penstock/kube/controller/workqueue';

const silent = () => ({ logger: jsonLogger('silent'), metrics: operatorMetrics(new Registry()) });

describe('a controller', () => {
  const rows: { when: string; fails: Error }[] = [
    { when: 'another writer was faster', fails: new KubeError(409, 'Conflict', 'the object has been modified') },
    { when: 'the server is overloaded', fails: new KubeError(503, 'ServiceUnavailable', 'try again', 10) },
    { when: 'the lease was renewed late, but is held', fails: new NotLeading() },
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

  it('reconciles a key again after the time that its reconcile gives', async () => {
    const queue = new WorkQueue();
    const begun: number[] = [];
    const reconcile = (): Promise<Result> => {
      if (begun.push(performance.now()) === 2) queue.shutDown();
      return Promise.resolve({ next: 'after', ms: 40 });
    };
    queue.add('ns/p');
    await runController({ name: 'test', queue, reconcile, workers: 1, ...silent() });
    expect(begun[1]! - begun[0]!).to.be.at.least(39);
  });

  it('a success resets the back-off', async () => {
    const queue = new WorkQueue();
    const resets: string[] = [];
    queue.forget = (key) => void resets.push(key);
    const reconcile = (): Promise<Result> => (queue.shutDown(), Promise.resolve({ next: 'rest' }));
    queue.add('ns/p');
    await runController({ name: 'test', queue, reconcile, workers: 1, ...silent() });
    expect(resets).to.deep.equal(['ns/p']);
  });

  const classes: [string, Error, string][] = [
    ['a conflict', new KubeError(409, 'Conflict', ''), 'conflict'],
    ['a lease that is not held', new NotLeading(), 'conflict'],
    ['429', new KubeError(429, 'TooManyRequests', ''), 'overloaded'],
    ['503', new KubeError(503, 'ServiceUnavailable', ''), 'overloaded'],
    ['no connection', Object.assign(new Error(), { code: 'ECONNREFUSED' }), 'overloaded'],
    ['a timeout', Object.assign(new Error(), { name: 'TimeoutError' }), 'overloaded'],
    ['403', new KubeError(403, 'Forbidden', ''), 'failed'],
    ['a bug', new TypeError('x is undefined'), 'failed'],
  ];
  for (const [what, error, failure] of classes)
    it(`${what} is of the class ${failure}`, () => expect(failureClass(error)).to.equal(failure));

  it('every line that a reconcile logs has the controller, the key and the id of the reconcile', async () => {
    const [queue, lines] = [new WorkQueue(), [] as Record<string, unknown>[]];
    const stream = new Writable({
      write: (line: Buffer, _, next) => {
        lines.push(JSON.parse(line.toString()) as Record<string, unknown>);
        next();
      },
    });
    const logger = jsonLogger('info').clear().add(new winston.transports.Stream({ stream }));
    const failing = async (key: Key): Promise<Result> => {
      await Promise.resolve();
      logger.info(`reconciles ${key}`);
      queue.shutDown();
      throw new Error('no');
    };
    queue.add('ns/p');
    const metrics = operatorMetrics(new Registry());
    await runController({ name: 'pipelines', queue, reconcile: failing, workers: 1, logger, metrics });
    logger.info('outside');
    expect(lines.map(({ message, controller, key }) => [message, controller, key])).to.deep.equal([
      ['reconciles ns/p', 'pipelines', 'ns/p'],
      ['reconcile failed, will retry', 'pipelines', 'ns/p'],
      ['outside', undefined, undefined],
    ]);
    expect(lines[0]!.reconcile).to.be.a('string').and.to.equal(lines[1]!.reconcile);
  });
});
