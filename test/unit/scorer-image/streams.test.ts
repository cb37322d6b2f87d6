/** Responses in chunks: the worker’s side, the HTTP thread’s side, and the memory that they hold. */
import { expect } from 'chai';
import type { BadInput } from '../../../scorer-image/tensor/errors.ts';
import { LargeResponses } from '../../../scorer-image/predictors/largeResponses.ts';
import { rejection } from '../../../scorer-image/rejections.ts';
import { ChunkSender } from '../../../scorer-image/run/chunkSender.ts';
import type { FromWorker } from '../../../scorer-image/run/messages.ts';
import { ResponseStream } from '../../../scorer-image/run/responseStream.ts';
import { Uploads } from '../../../scorer-image/run/uploads.ts';
import { settled } from '../../support/fixtures/clock.ts';
import { waitFor } from '../../support/waitFor.ts';

/** What a worker sends, as short texts. */
function sender() {
  const sent: string[] = [];
  const chunks = new ChunkSender((posted: FromWorker, transfer: ArrayBuffer[] = []) => {
    const message = structuredClone(posted, { transfer }); // as a port does
    if (Array.isArray(message)) throw new Error('no batch belongs here');
    if (message.type === 'chunk') sent.push(`${message.id} ${Buffer.from(message.bytes).toString()}`);
    if (message.type === 'end') sent.push(`${message.id} end${message.error === undefined ? '' : ` ${message.error}`}`);
  });
  return { chunks, sent };
}
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await settled();
}

describe('chunks of a worker', () => {
  it('are at most two until the client has read one', async () => {
    const { chunks, sent } = sender();
    let done = 0;
    const sending = chunks.send(1, ['a', 'b', 'c'], () => (done += 1));
    await turns(10);
    expect([sent, done]).to.deep.equal([['1 a', '1 b'], 0]);
    chunks.grantCredit(1);
    await sending;
    expect([sent, done]).to.deep.equal([['1 a', '1 b', '1 c', '1 end'], 1]);
  });

  it('end when the response is cancelled, also while the next chunk is awaited', async () => {
    const { chunks, sent } = sender();
    let cancelled = 0;
    const stream = { next: () => new Promise<never>(() => undefined), cancel: () => void (cancelled += 1) };
    let done = 0;
    const sending = chunks.send(1, stream, () => (done += 1));
    await turns(3);
    expect(done).to.equal(0);
    chunks.cancel(1);
    await sending;
    expect([sent, cancelled, done]).to.deep.equal([['1 end'], 1, 1]);
  });

  it('of a response that was cancelled before its first chunk are not sent', async () => {
    const { chunks, sent } = sender();
    const sending = chunks.send(1, ['a'], () => undefined);
    chunks.cancel(1);
    await sending;
    expect(sent).to.deep.equal(['1 end']);
  });

  it('end with the error of a stream', async () => {
    const { chunks, sent } = sender();
    const error = Object.assign(new Error('broken'), { stack: 'broken at score.ts:3' });
    const stream = { next: () => Promise.reject(error), cancel: () => undefined };
    let done = 0;
    await chunks.send(1, stream, () => (done += 1));
    expect([sent, done]).to.deep.equal([['1 end broken at score.ts:3'], 1]);
  });

  it('of a stream are copied, because they may be part of a larger buffer', async () => {
    const { chunks, sent } = sender();
    const shared = Buffer.from('abcd');
    const parts = [shared.subarray(0, 2), undefined];
    await chunks.send(1, { next: () => Promise.resolve(parts.shift()), cancel: () => undefined }, () => undefined);
    expect([sent, shared.toString()]).to.deep.equal([['1 ab', '1 end'], 'abcd']);
  });

  it('are not affected by credit for a response that is over', async () => {
    const { chunks, sent } = sender();
    await chunks.send(7, ['a'], () => undefined);
    chunks.grantCredit(7);
    chunks.cancel(7);
    expect(sent).to.deep.equal(['7 a', '7 end']);
  });
});

describe('a streamed response', () => {
  function stream(chunkTimeoutMs = 10_000) {
    const calls: string[] = [];
    const response = new ResponseStream(
      { pull: () => calls.push('pull'), cancel: () => calls.push('cancel') },
      chunkTimeoutMs,
    );
    response.pipeTo({
      onChunk: (bytes) => calls.push(Buffer.from(bytes).toString()),
      onEnd: (error) => calls.push(`end ${error ?? ''}`.trim()),
    });
    return { response, calls };
  }

  it('passes chunks on, and ends once', () => {
    const { response, calls } = stream();
    response.chunk(Buffer.from('a'));
    response.more();
    response.end();
    response.end('again');
    response.more();
    expect(calls).to.deep.equal(['a', 'pull', 'end']);
  });

  it('is cancelled once, and takes no further chunk', () => {
    const { response, calls } = stream();
    response.cancel();
    response.cancel();
    response.chunk(Buffer.from('a'));
    response.end();
    expect(calls).to.deep.equal(['cancel']);
  });

  it('ends with an error when a chunk does not come in time', async () => {
    const { calls } = stream(20);
    await waitFor(() => calls.length === 2);
    expect(calls).to.deep.equal(['cancel', 'end no more of the answer came for 20 ms']);
  });
});

describe('the memory of large responses', () => {
  const MIB = 2 ** 20;

  it('is limited to 64 MiB: the next one waits for a release', async () => {
    const large = new LargeResponses();
    const release = await large.reserve(40 * MIB, 1_000);
    let second = false;
    const waiting = large.reserve(40 * MIB, 5_000).then((free) => {
      second = true;
      return free;
    });
    await settled();
    expect(second).to.equal(false);
    release();
    release(); // a second call releases nothing more
    const free = await waiting;
    expect(await large.reserve(40 * MIB, 0).catch((error: unknown) => (error as BadInput).status)).to.equal(429);
    free();
  });

  it('is given to one response that is larger than the limit', async () => {
    (await new LargeResponses().reserve(200 * MIB, 0))();
  });

  it('is refused with 429 after the wait', async () => {
    const large = new LargeResponses();
    await large.reserve(64 * MIB, 0);
    const error: unknown = await large.reserve(1, 20).catch((thrown: unknown) => thrown);
    expect(error).to.include({ status: 429 });
  });
});

describe('an upload', () => {
  function uploads(limit: number) {
    let reserved = 0;
    const all = new Uploads({
      reserveBytes: (bytes) => (reserved + bytes > limit ? false : ((reserved += bytes), true)),
      releaseBytes: (bytes) => void (reserved -= bytes),
    });
    return { all, reserved: () => reserved };
  }

  it('counts its bytes until it has finished', () => {
    const { all, reserved } = uploads(10);
    const upload = all.start();
    expect([upload.received(4), upload.received(4), all.open, reserved()]).to.deep.equal([undefined, undefined, 1, 8]);
    upload.finish();
    expect([all.open, reserved()]).to.deep.equal([0, 0]);
  });

  it('is refused when there is no memory for it, or when it has finished', () => {
    const { all, reserved } = uploads(10);
    const upload = all.start();
    upload.received(8);
    expect(upload.received(4)).to.deep.equal(rejection('tooManyBytes'));
    upload.finish();
    expect(upload.received(1)).to.deep.equal(rejection('tooManyBytes'));
    expect(reserved()).to.equal(0);
  });
});
