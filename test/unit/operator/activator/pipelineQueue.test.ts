/** The queue of one pipeline at the activator, on a clock that the test moves. */
import { expect } from 'chai';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Registry } from 'prom-client';
import { keyHash } from '@penstock/server/auth';
import type { Availability, Backends } from '../../../../operator/activator/backends.ts';
import { BufferedRequest } from '../../../../operator/activator/bufferedRequest.ts';
import type { Target } from '../../../../operator/activator/forward.ts';
import { activatorMetrics } from '../../../../operator/activator/metrics.ts';
import { PipelineQueue } from '../../../../operator/activator/pipelineQueue.ts';
import { activationOf } from '../../../../operator/desired/activator.ts';
import { effective } from '../../../../operator/desired/effective.ts';
import { FakeClock, settled } from '../../../support/fixtures/clock.ts';

const activation = activationOf(
  'iris-1',
  { ...effective({ target: 'Development' }), maxConcurrentRequests: 4, auth: 'None' },
  [],
);
const backends = (change: Partial<Backends> = {}): Backends => ({
  activation,
  pods: [],
  port: 8080,
  activators: 1,
  ...change,
});
const ready = (...pods: string[]): Backends => backends({ pods });
const NOT_READY: Availability = { available: false, reason: 'RevisionNotReady', message: 'init() runs', final: false };

interface Options {
  places?: number;
  availability?: Availability | 'gone';
}

/** A queue whose pods are functions of the test. */
function newQueue(first = backends(), { places = Infinity, availability = NOT_READY }: Options = {}) {
  const clock = new FakeClock();
  const state = { reserved: 0, scaled: [] as string[], reads: 0, availability };
  /** The requests at pods that have no response, with the function that ends each of them. */
  const forwarded: { path: string; target: Target; end: (reached: boolean) => Promise<void> }[] = [];
  const queue = new PipelineQueue(first, {
    pipeline: 'iris',
    metrics: activatorMetrics(new Registry()),
    clock,
    onError: (error) => {
      throw error;
    },
    scaleFromZero: (revision) => {
      state.scaled.push(revision);
      return Promise.resolve(true);
    },
    availability: () => {
      state.reads += 1;
      return Promise.resolve(state.availability);
    },
    reserve: () => (state.reserved < places ? ((state.reserved += 1), true) : false),
    release: () => void (state.reserved -= 1),
    forward: (buffered, target) =>
      new Promise((resolve) => {
        const end = (reached: boolean): Promise<void> => {
          forwarded.splice(forwarded.indexOf(entry), 1);
          if (reached) buffered.send(200, 'from a pod');
          resolve(reached);
          return settled();
        };
        const entry = { path: buffered.path, target, end };
        forwarded.push(entry);
      }),
  });
  const ask = (path = '/score', headers: Record<string, string> = {}, method = 'POST'): Answer => {
    const request = new IncomingMessage(new Socket());
    Object.assign(request, { url: path, headers, method, complete: true });
    const answer = new Answer(request);
    queue.handle(new BufferedRequest(request, answer, clock));
    return answer;
  };
  return { queue, clock, state, forwarded, ask };
}

/** A response that keeps what is written. */
class Answer extends ServerResponse {
  body = '';
  #head: unknown[] = [];

  override writeHead(status: number, ...given: unknown[]): this {
    this.#head = given[0] as unknown[];
    return super.writeHead(status, given[0] as string[]);
  }

  header(name: string): unknown {
    return this.#head[this.#head.indexOf(name) + 1];
  }

  override end(...given: unknown[]): this {
    this.body = typeof given[0] === 'string' ? given[0] : '';
    return super.end();
  }

  /** Status, or undefined while there is no response. */
  get status(): number | undefined {
    return this.headersSent ? this.statusCode : undefined;
  }
}

describe('the activator’s queue of a pipeline', () => {
  describe('without a pod', () => {
    it('asks once a second for the scale-up until a pod is Ready', async () => {
      const { queue, clock, state, forwarded, ask } = newQueue();
      ask();
      ask();
      await clock.advance(2_500);
      expect(state.scaled).to.deep.equal(['iris-1', 'iris-1', 'iris-1']);
      queue.update(ready('10.0.0.1'));
      await clock.advance(5_000);
      expect([state.scaled.length, forwarded.length]).to.deep.equal([3, 2]);
    });

    it('answers 503 with the reason after 60 s', async () => {
      const { clock, state, ask } = newQueue();
      const answer = ask();
      await clock.advance(59_999);
      expect(answer.status).to.equal(undefined);
      await clock.advance(1);
      expect([answer.status, answer.header('retry-after')]).to.deep.equal([503, '10']);
      expect(answer.body).to.contain('RevisionNotReady');
      expect(state.reserved).to.equal(0);
    });

    it('answers at once when the revision cannot start, and gives the places back', async () => {
      const { clock, state, ask } = newQueue(backends(), { availability: { ...NOT_READY, final: true } });
      const answers = [ask(), ask()];
      await clock.advance(1_000);
      expect(answers.map(({ status }) => status)).to.deep.equal([503, 503]);
      expect(state.reserved).to.equal(0);
    });

    it('answers 404 when the pipeline is gone', async () => {
      const { clock, state, ask } = newQueue(backends(), { availability: 'gone' });
      const answer = ask('/v2/models/iris/infer');
      await clock.advance(1_000);
      expect([answer.status, answer.body]).to.deep.equal([
        404,
        '{"error":"The endpoint iris does not exist any more"}',
      ]);
      expect(state.reserved).to.equal(0);
    });

    it('answers a health check itself, which does not scale up, and reads the condition once a second', async () => {
      const { clock, state, ask } = newQueue(backends(), { availability: { ...NOT_READY, available: true } });
      const answers = ['/', '/v2/health/ready', '/v2/health/live'].map((path) => ask(path, {}, 'GET'));
      await clock.advance(0);
      expect(answers.map(({ status, body }) => [status, body])).to.deep.equal([
        [200, 'Healthy'],
        [200, '{"live":true,"ready":true}'],
        [200, '{"live":true}'],
      ]);
      expect([state.scaled, state.reads]).to.deep.equal([[], 1]);
      await clock.advance(1_000);
      ask('/', {}, 'GET');
      expect(state.reads).to.equal(2);
    });

    it('answers 401 to a request without the key, which does not scale up', async () => {
      const { clock, state, ask } = newQueue(
        backends({ activation: { ...activation, auth: 'Key', keyHashes: [keyHash('secret')] } }),
      );
      const without = ask();
      await clock.advance(5_000);
      expect([without.status, without.header('www-authenticate')]).to.deep.equal([401, 'Bearer']);
      expect([state.scaled, state.reserved]).to.deep.equal([[], 0]);
      const withKey = ask('/score', { authorization: 'Bearer secret' });
      await clock.advance(0);
      expect([withKey.status, state.reserved, state.scaled]).to.deep.equal([undefined, 1, ['iris-1']]);
    });

    it('answers 503 at once when its namespace has no place left', () => {
      const { ask } = newQueue(backends(), { places: 1 });
      expect(ask().status).to.equal(undefined);
      const refused = ask();
      expect([refused.status, refused.header('retry-after')]).to.deep.equal([503, '5']);
    });

    it('forgets a request whose client has disconnected', async () => {
      const { queue, state, forwarded, ask } = newQueue();
      ask().emit('close');
      expect(state.reserved).to.equal(0);
      queue.update(ready('10.0.0.1'));
      await settled();
      expect(forwarded).to.deep.equal([]);
    });
  });

  describe('with pods', () => {
    it('sends at most what all of them take at a time, in turns', async () => {
      const { forwarded, ask } = newQueue(ready('10.0.0.1', '10.0.0.2'));
      for (let i = 0; i < 10; i++) ask(`/${i}`);
      expect(forwarded.map(({ path }) => path)).to.deep.equal(['/0', '/1', '/2', '/3', '/4', '/5', '/6', '/7']);
      expect(forwarded.filter(({ target }) => target.address === '10.0.0.1')).to.have.length(4);
      await forwarded[0]!.end(true);
      expect(forwarded.at(-1)!.path).to.equal('/8');
    });

    it('sends its share when several activators send', () => {
      const { forwarded, ask } = newQueue(backends({ pods: ['10.0.0.1', '10.0.0.2'], activators: 2 }));
      for (let i = 0; i < 10; i++) ask();
      expect(forwarded).to.have.length(4);
    });

    it('keeps its share when the slice no longer names the activators', () => {
      const { queue, forwarded, ask } = newQueue(backends({ activators: 2 }));
      for (let i = 0; i < 10; i++) ask();
      queue.update(backends({ pods: ['10.0.0.1'], activators: 0 }));
      expect(forwarded).to.have.length(2);
    });

    it('tries again after 250 ms where a pod could not be reached', async () => {
      const { clock, forwarded, ask } = newQueue(ready('10.0.0.1'));
      const answer = ask();
      await forwarded[0]!.end(false);
      expect(forwarded).to.deep.equal([]);
      await clock.advance(251);
      expect(forwarded).to.have.length(1);
      await forwarded[0]!.end(true);
      expect([answer.status, answer.body]).to.deep.equal([200, 'from a pod']);
    });

    it('retries do not prolong the 60 s of a request', async () => {
      const { clock, forwarded, ask } = newQueue(ready('10.0.0.1'));
      const answer = ask();
      for (let i = 0; i < 300 && answer.status === undefined; i++) {
        await forwarded[0]?.end(false);
        await clock.advance(251);
      }
      expect(answer.status).to.equal(503);
      expect(clock.now()).to.be.within(60_000, 60_600);
    });

    it('a request waits for coldStartTimeout, and the answer says that a pod is starting', async () => {
      const available = { available: true, reason: 'Serving', message: '', final: false };
      const slow = backends({ activation: { ...activation, coldStartTimeoutMs: 120_000 } });
      const { clock, ask } = newQueue(slow, { availability: available });
      const answer = ask();
      await clock.advance(119_999);
      expect(answer.status).to.equal(undefined);
      await clock.advance(1);
      expect([answer.status, answer.body]).to.deep.equal([
        503,
        '{"message":"No pod became Ready within 120 s (endpoint.coldStartTimeout): a pod is starting, try again"}',
      ]);
    });

    it('a request that has waited too long for a pod that cannot start gets the reason', async () => {
      const { clock, ask } = newQueue(backends(), { availability: { ...NOT_READY, reason: 'PodUnschedulable' } });
      const answer = ask();
      await clock.advance(60_000);
      expect(answer.body).to.contain('The endpoint cannot serve now: PodUnschedulable');
    });

    it('keeps the deadline of a request after a pod that could not be reached', async () => {
      const { queue, clock, forwarded, ask } = newQueue(ready('10.0.0.1'));
      const answer = ask();
      await clock.advance(10_000);
      await forwarded[0]!.end(false);
      queue.update(backends());
      await clock.advance(49_999);
      expect(answer.status).to.equal(undefined);
      await clock.advance(1);
      expect(answer.status).to.equal(503);
    });

    it('gives the place of a request back once it has a response', async () => {
      const { state, forwarded, ask } = newQueue(ready('10.0.0.1'));
      ask();
      expect(state.reserved).to.equal(1);
      await forwarded[0]!.end(true);
      expect(state.reserved).to.equal(0);
    });

    it('serves what waits when the pipeline always has pods from now on', async () => {
      const { queue, forwarded, ask } = newQueue(ready('10.0.0.1'));
      for (let i = 0; i < 5; i++) ask(`/${i}`);
      queue.close();
      await forwarded[0]!.end(true);
      expect(forwarded.map(({ path }) => path)).to.deep.equal(['/1', '/2', '/3', '/4']);
    });
  });
});
