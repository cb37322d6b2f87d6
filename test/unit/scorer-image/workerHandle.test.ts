/** One worker as the dispatcher sees it: its start, its slots and its end. */
import { expect } from 'chai';
import { StartFailure } from '../../../scorer-image/failure.ts';
import type { ToWorker } from '../../../scorer-image/run/messages.ts';
import type { QueuedRequest } from '../../../scorer-image/run/requestQueue.ts';
import { WorkerHandle, type PendingRequest } from '../../../scorer-image/run/workerHandle.ts';
import type { TransportListener, WorkerMessage, WorkerTransport } from '../../../scorer-image/run/workerTransport.ts';

const READY: WorkerMessage = {
  type: 'ready',
  signatures: {},
  initMs: 1,
  wantsRequest: false,
  rawHttp: false,
  schemas: {},
  notes: [],
};

function world(change: Partial<WorkerTransport> = {}) {
  const posted: ToWorker[] = [];
  const ends: string[] = [];
  let transport: TransportListener | undefined;
  let terminated = 0;
  const handle = new WorkerHandle(
    (listener) => {
      transport = listener;
      return {
        post: (message) => posted.push(message),
        terminate: () => Promise.resolve((terminated += 1) === 1),
        ...change,
      };
    },
    {
      onResponses: () => undefined,
      log: () => undefined,
      onEnd: ({ reason, message }) => ends.push(`${reason}: ${message}`),
      onStreamEnd: () => undefined,
      onDisabled: () => undefined,
    },
  );
  return { handle, posted, ends, transport: transport!, terminated: () => terminated };
}
const queued = (body = 'x'): QueuedRequest<PendingRequest> => ({
  item: { work: { kind: 'score' }, body: Buffer.from(body), respond: () => undefined },
  bytes: 1,
  arrived: 0,
  sent: 0,
  activeSince: 0,
  slot: 0,
  settled: false,
});
const outOfMemory = new StartFailure('RequestTooLarge', 'heap');

describe('a worker', () => {
  it('has no slots before it is ready, and two then', () => {
    const { handle, transport } = world();
    expect([handle.isReady, handle.freeSlots]).to.deep.equal([false, 0]);
    transport.onMessage(READY);
    expect([handle.isReady, handle.freeSlots]).to.deep.equal([true, 2]);
  });

  it('that is a process has one slot, and none when its connection is lost', () => {
    const change = { maxMessages: 1, isLost: false };
    const { handle, transport } = world(change);
    transport.onMessage(READY);
    expect(handle.freeSlots).to.equal(1);
    handle.send([queued()], 0, 1000);
    expect(handle.freeSlots).to.equal(0);
    const lost = world({ maxMessages: 1, isLost: true });
    lost.transport.onMessage(READY);
    expect(lost.handle.freeSlots).to.equal(0);
  });

  it('is sent bodies in a row, with the deadline of each request', () => {
    const { handle, posted, transport } = world();
    transport.onMessage(READY);
    handle.send([queued('ab'), queued('c')], performance.now(), 1000);
    const [ids, ends, until, , bytes] = posted[0] as Extract<ToWorker, unknown[]>;
    expect([ids, ends, Buffer.from(bytes).toString()]).to.deep.equal([[0, 1], [2, 3], 'abc']);
    expect(until).to.have.length(2);
    expect(handle.inFlight).to.equal(2);
  });

  it('has served when it has finished a request', () => {
    const { handle, transport } = world();
    transport.onMessage(READY);
    handle.send([queued()], 0, 1000);
    expect(handle.hasServed).to.equal(false);
    expect(handle.take(0)).not.to.equal(undefined);
    expect([handle.hasServed, handle.inFlight]).to.deep.equal([true, 0]);
  });

  it('that cannot start rejects with its reason', async () => {
    const { handle, transport } = world();
    transport.onMessage({ type: 'failed', reason: 'UserScriptInitFailed', message: 'no weights', detail: 'at' });
    expect(await handle.ready.catch((error: unknown) => error)).to.include({
      reason: 'UserScriptInitFailed',
      message: 'no weights',
      detail: 'at',
    });
  });

  it('whose heap overflows in init() rejects with that reason', async () => {
    const { handle, transport, ends } = world();
    transport.onEnd(outOfMemory);
    const failure = (await handle.ready.catch((error: unknown) => error)) as StartFailure;
    expect([failure.reason, ends]).to.deep.equal(['UserScriptInitFailed', []]);
    expect(failure.message).to.contain('need more memory than there is: heap');
  });

  it('that ends later says so once, and has no slots', () => {
    const { handle, transport, ends } = world();
    transport.onMessage(READY);
    transport.onEnd(outOfMemory);
    transport.onEnd(outOfMemory);
    expect([ends, handle.freeSlots]).to.deep.equal([['RequestTooLarge: heap'], 0]);
  });

  it('can be restarted only where it is a process; its requests are active from then on', () => {
    expect(world().handle.restart()).to.equal(false);
    let restarts = 0;
    const { handle, transport } = world({ restart: () => (restarts += 1) });
    transport.onMessage(READY);
    const request = queued();
    handle.send([request], 0, 1000);
    expect([handle.restart(), restarts]).to.deep.equal([true, 1]);
    expect(request.activeSince).to.be.greaterThan(0);
  });

  describe('that is stopped', () => {
    it('runs shutdown() first, and says nothing of its end', async () => {
      const { handle, transport, posted, ends, terminated } = world();
      transport.onMessage(READY);
      const stopping = handle.stop(60_000);
      expect([posted, terminated()]).to.deep.equal([[{ type: 'shutdown' }], 0]);
      transport.onMessage({ type: 'stopped' });
      expect(await stopping).to.equal(true);
      transport.onEnd(outOfMemory);
      expect(ends).to.deep.equal([]);
    });

    it('is ended when shutdown() takes too long', async () => {
      const { handle, transport, terminated } = world();
      transport.onMessage(READY);
      expect(await handle.stop(20)).to.equal(true);
      expect(terminated()).to.equal(1);
    });

    it('is ended at once, if it was not ready or no time is given', async () => {
      const { handle, posted } = world();
      await handle.stop(60_000);
      const ready = world();
      ready.transport.onMessage(READY);
      await ready.handle.stop(0);
      expect([posted, ready.posted]).to.deep.equal([[], []]);
    });
  });
});
