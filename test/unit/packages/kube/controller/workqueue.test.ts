import { expect } from 'chai';
import { backoff } from '@penstock/kube/controller/backoff';
import { WorkQueue } from '@penstock/kube/controller/workqueue';

describe('the work queue', () => {
  it('holds a key once', async () => {
    const queue = new WorkQueue();
    for (const key of ['a', 'a', 'b', 'a']) queue.add(key);
    expect([await queue.get(), await queue.get(), queue.depth]).to.deep.equal(['a', 'b', 0]);
  });
  it('never gives a key to two workers; a key added meanwhile is processed again', async () => {
    const queue = new WorkQueue();
    queue.add('a');
    await queue.get();
    queue.add('a');
    const second = queue.get();
    expect(await Promise.race([second, Promise.resolve('nothing')])).to.equal('nothing');
    queue.done('a');
    expect(await second).to.equal('a');
  });
  it('wakes a waiting worker', async () => {
    const queue = new WorkQueue();
    const waiting = queue.get();
    queue.add('a');
    expect(await waiting).to.equal('a');
  });
  it('the earliest of several delays wins', () => {
    const timers: number[] = [];
    const cleared: number[] = [];
    const queue = new WorkQueue({
      random: () => 0.5,
      setTimer: (_, ms) => (timers.push(ms), { clear: () => cleared.push(ms) }),
    });
    queue.addAfter('a', 500);
    queue.addAfter('a', 900);
    queue.addAfter('a', 100);
    expect({ timers, cleared }).to.deep.equal({ timers: [500, 100], cleared: [500] });
  });
  it('retries later each time, and at once after success', () => {
    const timers: number[] = [];
    let fire = (): void => undefined;
    const queue = new WorkQueue({
      random: () => 0.5,
      setTimer: (work, ms) => (timers.push(ms), (fire = work), { clear: () => undefined }),
    });
    for (const success of [false, false, true]) {
      if (success) queue.forget('a');
      queue.retry('a', 'failed');
      fire();
    }
    expect(timers).to.deep.equal([50, 100, 50]);
  });
  it('failures before the delay has ended do not lengthen the back-off', () => {
    const timers: number[] = [];
    let fire = (): void => undefined;
    const queue = new WorkQueue({
      random: () => 0.5,
      setTimer: (work, ms) => (timers.push(ms), (fire = work), { clear: () => undefined }),
    });
    for (let news = 0; news < 10; news++) queue.retry('a', 'overloaded');
    fire();
    queue.retry('a', 'overloaded');
    expect(timers).to.deep.equal([250, 500]);
  });
  it('a failure of another class starts its own back-off', () => {
    const timers: number[] = [];
    let fire = (): void => undefined;
    const queue = new WorkQueue({
      random: () => 0.5,
      setTimer: (work, ms) => (timers.push(ms), (fire = work), { clear: () => undefined }),
    });
    for (const failure of ['conflict', 'conflict', 'conflict', 'overloaded'] as const) {
      queue.retry('a', failure);
      fire();
    }
    expect(timers).to.deep.equal([20, 40, 80, 250]);
  });
  it('waits at least for Retry-After', () => {
    const timers: number[] = [];
    const queue = new WorkQueue({
      random: () => 0,
      setTimer: (_, ms) => (timers.push(ms), { clear: () => undefined }),
    });
    queue.retry('a', 'overloaded', 3000);
    expect(timers).to.deep.equal([3000]);
  });
  it('tells how long a key waited, and how long work has been under way', async () => {
    const waited: number[] = [];
    const queue = new WorkQueue({ onGet: (ms) => waited.push(ms) });
    queue.add('a');
    await new Promise((resolve) => setTimeout(resolve, 30));
    await queue.get();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(waited[0]).to.be.greaterThan(20);
    expect(queue.longestWorkMs).to.be.greaterThan(20);
    queue.done('a');
    expect(queue.longestWorkMs).to.equal(0);
  });
  it('ends its workers at shutdown', async () => {
    const queue = new WorkQueue();
    const waiting = queue.get();
    queue.shutDown();
    queue.add('a');
    expect([await waiting, await queue.get()]).to.deep.equal([undefined, undefined]);
  });
});

describe('the back-off', () => {
  it('doubles up to five minutes, give or take a quarter', () => {
    expect([0, 1, 4, 40].map((n) => backoff('failed', n, 0.5))).to.deep.equal([50, 100, 800, 300_000]);
    expect([backoff('failed', 0, 0), backoff('failed', 0, 0.999)]).to.deep.equal([38, 62]);
  });
  it('retries soon after a conflict, and slowly when the server is overloaded', () => {
    expect([0, 3, 40].map((n) => backoff('conflict', n, 0.5))).to.deep.equal([20, 160, 5000]);
    expect([0, 3, 40].map((n) => backoff('overloaded', n, 0.5))).to.deep.equal([250, 2000, 60_000]);
  });
});
