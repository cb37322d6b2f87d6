/** A Python process as a worker: what it is sent, and what its frames mean. */
import { expect } from 'chai';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { StartFailure } from '../../../scorer-image/failure.ts';
import type { Requests, Work } from '../../../scorer-image/run/messages.ts';
import { encodeFrame, FrameReader, KIND, type Frame } from '../../../scorer-image/run/pythonFrames.ts';
import { PythonWorker } from '../../../scorer-image/run/pythonWorker.ts';
import { decode, isResponseBatch } from '../../../scorer-image/run/responseCodec.ts';
import type { WorkerMessage } from '../../../scorer-image/run/workerTransport.ts';
import { waitFor } from '../../support/waitFor.ts';

function world() {
  const messages: WorkerMessage[] = [];
  const ends: string[] = [];
  let kills = 0;
  const sent: Frame[] = [];
  const reader = new FrameReader();
  const socket = Object.assign(new EventEmitter(), {
    cork: () => undefined,
    uncork: () => undefined,
    destroyed: false,
    destroy: () => (socket.destroyed = true),
    write: (bytes: Buffer) => sent.push(...reader.read(Buffer.from(bytes))),
  });
  const worker = new PythonWorker(
    {
      onMessage: (message) => messages.push(message),
      onEnd: ({ reason, message }) => ends.push(`${reason}: ${message}`),
    },
    { kill: () => (kills += 1), onEnd: () => undefined },
    'v1',
  );
  const take = worker.connect(socket as unknown as Socket);
  const receive = (...frames: [kind: number, options?: { id?: number; meta?: object; payload?: Buffer }][]) =>
    take(frames.flatMap(([kind, options]) => new FrameReader().read(Buffer.concat(encodeFrame(kind, options)))));
  return { worker, messages, ends, kills: () => kills, sent, socket, receive };
}
const request = { method: 'POST', url: '/score', headers: {}, requestId: 'one' };
const requests = (...all: [id: number, body: string, work?: Work][]): Requests => {
  const bodies = all.map(([, body]) => Buffer.from(body));
  const ends = bodies.map((_, i) => bodies.slice(0, i + 1).reduce((sum, { length }) => sum + length, 0));
  const work = all.map(([, , one]) => one ?? { kind: 'score' as const, request });
  return [all.map(([id]) => id), ends, all.map(() => 1e15), work, Buffer.concat(bodies)];
};
const score = (id: number) => requests([id, 'x']);
/** Messages finished, and the responses, of each batch. */
const batches = (messages: WorkerMessage[]) =>
  messages.filter(isResponseBatch).map((batch) => ({
    taken: batch[1],
    responses: decode(batch).map(({ id, status, body }) => [id, status, Buffer.from(body).toString()]),
  }));

describe('a Python worker', () => {
  it('is sent each request with its body, deadline and head', () => {
    const { worker, sent } = world();
    worker.post(requests([1, 'first'], [2, 'second']));
    expect(sent.map(({ kind, id, meta, payload }) => [kind, id, meta, payload.toString()])).to.deep.equal([
      [KIND.request, 1, { ...request, kind: 'score', version: 'v1', until: 1e15 }, 'first'],
      [KIND.request, 2, { ...request, kind: 'score', version: 'v1', until: 1e15 }, 'second'],
    ]);
  });

  it('a result is a response, and finishes its message', () => {
    const { worker, messages, receive } = world();
    worker.post(score(3));
    receive([KIND.result, { id: 3, payload: Buffer.from('"ä"') }]);
    expect(batches(messages)).to.deep.equal([{ taken: 1, responses: [[3, 200, '"ä"']] }]);
  });

  it('a message of two requests is finished with the second response', () => {
    const { worker, messages, receive } = world();
    worker.post(requests([1, 'a'], [2, 'b']));
    receive([KIND.result, { id: 1 }]);
    receive([KIND.result, { id: 2 }]);
    expect(batches(messages).map(({ taken }) => taken)).to.deep.equal([0, 1]);
  });

  it('responses of one turn are one message', () => {
    const { worker, messages, receive } = world();
    worker.post(score(1));
    worker.post(score(2));
    receive([KIND.result, { id: 1 }], [KIND.error, { id: 2, meta: { message: 'no', stack: 'at' } }]);
    expect(batches(messages)).to.deep.equal([
      {
        taken: 2,
        responses: [
          [1, 200, ''],
          [2, 500, 'no'],
        ],
      },
    ]);
  });

  it('a streamed response: its head, its chunks, and its end, which finishes the message', () => {
    const { worker, messages, receive } = world();
    worker.post(score(4));
    receive(
      [KIND.head, { id: 4, meta: { status: 200, headers: [['x-a', 'b']] } }],
      [KIND.chunk, { id: 4, payload: Buffer.from('part') }],
      [KIND.end, { id: 4, meta: { error: 'broke off' } }],
    );
    expect(messages.map((message) => (isResponseBatch(message) ? message[1] : message.type))).to.deep.equal([
      0,
      'chunk',
      'end',
      1,
    ]);
    expect(decode(messages.find(isResponseBatch)!)[0]).to.include({ id: 4, streamed: true });
    expect(messages[2]).to.deep.equal({ type: 'end', id: 4, error: 'broke off' });
  });

  it('is told that the client has read a chunk, or has gone', () => {
    const { worker, sent } = world();
    worker.post({ type: 'pull', id: 5 });
    worker.post({ type: 'cancel', id: 6 });
    expect(sent.map(({ kind, id }) => [kind, id])).to.deep.equal([
      [KIND.pull, 5],
      [KIND.cancel, 6],
    ]);
  });

  it('a response keeps its status and headers, except those that the scorer sets', () => {
    const { worker, messages, receive } = world();
    worker.post(score(1));
    const headers = [
      ['X-Mine', 'yes'],
      ['X-Request-Id', 'no'],
      ['Content-Length', '9'],
    ];
    receive([KIND.response, { id: 1, meta: { status: 201, headers }, payload: Buffer.from('made') }]);
    expect(decode(messages.find(isResponseBatch)!)[0]).to.deep.include({ status: 201, headers: ['x-mine', 'yes'] });
  });

  it('a header that HTTP does not allow is a failed request', () => {
    const { worker, messages, receive } = world();
    worker.post(score(1));
    receive([KIND.response, { id: 1, meta: { status: 200, headers: [['x-a', 'b\r\nc']] } }]);
    expect(decode(messages.find(isResponseBatch)!)[0]).to.include({ status: 500 });
  });

  it('a status that no response may have is a failed request', () => {
    const { worker, messages, receive } = world();
    worker.post(score(1));
    receive([KIND.response, { id: 1, meta: { status: 100, headers: [] } }]);
    expect(decode(messages.find(isResponseBatch)!)[0]).to.include({ status: 500 });
  });

  it('a streamed response with such a header is a failed request, and its chunks are not wanted', () => {
    const { worker, messages, sent, receive } = world();
    worker.post(score(1));
    sent.length = 0;
    receive([KIND.head, { id: 1, meta: { status: 200, headers: [['x-a', 'b\r\nc']] } }]);
    expect(decode(messages.find(isResponseBatch)!)[0]).to.include({ status: 500, streamed: false });
    expect(batches(messages)[0]!.taken, 'the process is not free before the end').to.equal(0);
    expect(sent.map(({ kind, id }) => [kind, id])).to.deep.equal([[KIND.cancel, 1]]);
  });

  it('a mistake of the client has its status and message', () => {
    const { worker, messages, receive } = world();
    worker.post(score(1));
    receive([KIND.response, { id: 1, meta: { status: 415, problem: 'Expects JSON' } }]);
    expect(batches(messages)).to.deep.equal([{ taken: 1, responses: [[1, 415, 'Expects JSON']] }]);
  });

  it('is ready with the schemas of its script', () => {
    const { messages, receive } = world();
    receive([KIND.ready, { meta: { rawHttp: false, schemas: { input: { type: 'object' } } } }]);
    expect(messages[0]).to.include({ type: 'ready', wantsRequest: true, rawHttp: false });
    expect(messages[0]).to.deep.include({ schemas: { input: { type: 'object' } } });
  });

  it('a script that cannot be used ends it with the reason, once', () => {
    const { worker, ends, socket, receive } = world();
    receive([KIND.failed, { meta: { reason: 'UserScriptInitFailed', message: 'no weights', detail: '' } }]);
    worker.end(new StartFailure('UserScriptCrashed', 'exit code 3'));
    expect(ends).to.deep.equal(['UserScriptInitFailed: no weights']);
    expect(socket.destroyed).to.equal(true);
  });

  describe('whose process has ended', () => {
    const failure = new StartFailure('UserScriptCrashed', 'exit code 1');

    it('ends when its connection has been read', () => {
      const { worker, ends, socket } = world();
      worker.endAfterReading(failure);
      expect(ends).to.deep.equal([]);
      socket.emit('close');
      expect(ends).to.deep.equal(['UserScriptCrashed: exit code 1']);
    });

    it('ends at once, if its connection was closed before', () => {
      const { worker, ends, socket, kills } = world();
      socket.emit('close');
      expect([worker.isLost, kills()]).to.deep.equal([true, 1]);
      worker.endAfterReading(failure);
      expect(ends).to.deep.equal(['UserScriptCrashed: exit code 1']);
    });

    it('ends soon, if a child of the process keeps the connection open', async () => {
      const { worker, ends } = world();
      worker.endAfterReading(failure);
      await waitFor(() => Promise.resolve(ends.length > 0), 3000);
    });

    it('ends with the reason that it gave before', () => {
      const { worker, ends, socket, receive } = world();
      worker.endAfterReading(failure);
      receive([KIND.failed, { meta: { reason: 'UserScriptInitFailed', message: 'no weights', detail: '' } }]);
      socket.emit('close');
      expect(ends).to.deep.equal(['UserScriptInitFailed: no weights']);
    });
  });

  it('is killed when its call hangs', () => {
    const { worker, kills } = world();
    worker.restart();
    expect(kills()).to.equal(1);
  });

  it('that is terminated reports no end', async () => {
    const { worker, ends, socket } = world();
    expect(await worker.terminate()).to.equal(true);
    worker.end(new StartFailure('UserScriptCrashed', 'exit code 0'));
    expect([socket.destroyed, ends]).to.deep.equal([true, []]);
  });

  it('has no shutdown()', () => {
    const { worker, messages } = world();
    worker.post({ type: 'shutdown' });
    expect(messages).to.deep.equal([{ type: 'stopped' }]);
  });
});
