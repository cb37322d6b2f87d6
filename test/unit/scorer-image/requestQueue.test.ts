/** Which requests are sent to a worker, queued or refused. Time is a number. */
import { expect } from 'chai';
import { RequestQueue } from '../../../scorer-image/run/requestQueue.ts';

const limits = {
  maxConcurrent: 4,
  batchSize: 2,
  maxQueueWaitMs: 500,
  requestTimeoutMs: 5000,
  hangMs: 30_000,
  maxBytes: 100,
};
const names = (tickets: { item: string }[]): string => tickets.map(({ item }) => item).join('');

describe('the admission of requests', () => {
  let queue: RequestQueue<string>;
  const offer = (text: string, now = 0) => Array.from(text).map((item) => queue.enqueue(item, 1, now)!);
  beforeEach(() => (queue = new RequestQueue(limits)));

  it('a message holds at most batchSize requests, so that a second message can be sent', () => {
    offer('abcdef');
    expect([queue.dequeueBatch(0), queue.dequeueBatch(0), queue.dequeueBatch(0)].map(names)).to.deep.equal([
      'ab',
      'cd',
      '',
    ]);
    expect([queue.running, queue.waiting]).to.deep.equal([4, 2]);
  });

  it('a completed request frees a slot for the oldest queued one', () => {
    offer('abcdef');
    const [a] = queue.dequeueBatch(0);
    queue.dequeueBatch(0);
    queue.complete(a!);
    expect(names(queue.dequeueBatch(1))).to.equal('e');
  });

  it('queued requests are spread over free messages, but few go as one', () => {
    const wide = new RequestQueue<string>({ ...limits, maxConcurrent: 100, batchSize: 64, maxBytes: 1000 });
    for (let i = 0; i < 50; i++) wide.enqueue('a', 1, 0);
    expect([wide.dequeueBatch(0, 2).length, wide.dequeueBatch(0, 1).length]).to.deep.equal([25, 25]);
    for (let i = 0; i < 10; i++) wide.enqueue('a', 1, 0);
    expect([wide.dequeueBatch(0, 2).length, wide.dequeueBatch(0, 1).length]).to.deep.equal([10, 0]);
  });

  it('uploaded bytes count like queued ones until they are released', () => {
    queue.enqueue('a', 60, 0);
    expect([queue.reserveBytes(30), queue.reserveBytes(20), queue.enqueue('b', 20, 0)]).to.deep.equal([
      true,
      false,
      undefined,
    ]);
    queue.releaseBytes(30);
    expect([queue.reserveBytes(30), queue.enqueue('b', 10, 0)?.item]).to.deep.equal([true, 'b']);
  });

  it('an expired request gets 429 and leaves the queue', () => {
    offer('abcd');
    queue.dequeueBatch(0);
    queue.dequeueBatch(0);
    offer('e', 10);
    offer('f', 400);
    expect(names(queue.expireQueued(509))).to.equal('');
    expect(names(queue.expireQueued(510))).to.equal('e');
    expect(queue.waiting).to.equal(1);
  });

  it('an expired request is not sent to a worker, also after a standstill', () => {
    offer('ab');
    offer('cd', 500);
    expect(names(queue.dequeueBatch(800))).to.equal('cd');
    expect(names(queue.expireQueued(800))).to.equal('ab');
  });

  it('a long turn of the event loop expires no request for which there is a free slot', () => {
    queue = new RequestQueue({ ...limits, maxQueueWaitMs: 1 });
    offer('ab');
    expect(names(queue.dequeueBatch(40))).to.equal('ab');
  });

  it('a timed-out request gets 504 once, and keeps its slot until the worker is done', () => {
    const [a] = offer('a');
    queue.dequeueBatch(100);
    expect(names(queue.expireRunning(5000).timedOut)).to.equal('a');
    expect(names(queue.expireRunning(5001).timedOut)).to.equal('');
    expect(queue.running).to.equal(1);
    queue.complete(a!);
    expect(queue.running).to.equal(0);
  });

  it('a call that does not return within hangMs hangs, counted from when it was sent', () => {
    offer('a');
    queue.dequeueBatch(100);
    queue.expireRunning(6000);
    expect(queue.expireRunning(30_099).hung).to.equal(false);
    expect(queue.expireRunning(30_100).hung).to.equal(true);
  });

  it('a client that disconnects: its queued request is removed, a running one goes on', () => {
    const [a, , , , e] = offer('abcde');
    queue.dequeueBatch(0);
    queue.dequeueBatch(0);
    queue.cancel(e!);
    queue.cancel(a!);
    expect([queue.waiting, queue.running]).to.deep.equal([0, 4]);
  });

  it('a streamed response keeps its slot, and releases the memory of its body', () => {
    const large = queue.enqueue('large', 100, 0)!;
    queue.dequeueBatch(0);
    expect(queue.enqueue('b', 1, 0)).to.equal(undefined);
    queue.startStreaming(large);
    expect([queue.running, queue.enqueue('b', 100, 0) !== undefined]).to.deep.equal([1, true]);
    queue.complete(large);
    expect([queue.running, queue.enqueue('c', 1, 0)], 'its bytes are given back once').to.deep.equal([0, undefined]);
  });

  it('the bodies in memory have a limit; a single body is always accepted', () => {
    const big = queue.enqueue('big', 1000, 0);
    expect(big).not.to.equal(undefined);
    expect(queue.enqueue('small', 1, 0)).to.equal(undefined);
    queue.cancel(big!);
    expect(queue.enqueue('small', 1, 0)).not.to.equal(undefined);
  });
});
