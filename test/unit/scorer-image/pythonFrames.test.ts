/** The messages between the scorer and its Python processes. */
import { expect } from 'chai';
import fc from 'fast-check';
import { encodeFrame, FrameReader, KIND, type Frame } from '../../../scorer-image/run/pythonFrames.ts';

const bytesOf = (...frame: Parameters<typeof encodeFrame>): Buffer => Buffer.concat(encodeFrame(...frame));
const shown = ({ kind, id, meta, payload }: Frame) => ({ kind, id, meta, payload: payload.toString() });

describe('frames', () => {
  it('have kind, id, meta and payload', () => {
    const frames = new FrameReader().read(
      bytesOf(KIND.request, { id: 7, meta: { url: '/ä' }, payload: Buffer.from('body') }),
    );
    expect(frames.map(shown)).to.deep.equal([{ kind: KIND.request, id: 7, meta: { url: '/ä' }, payload: 'body' }]);
  });

  it('may have neither meta nor payload', () =>
    expect(new FrameReader().read(bytesOf(KIND.pull)).map(shown)).to.deep.equal([
      { kind: KIND.pull, id: 0, meta: {}, payload: '' },
    ]));

  it('with meta that is not JSON have none', () => {
    const frame = bytesOf(KIND.ready, { meta: { a: 1 } });
    frame.write('x', 17);
    expect(new FrameReader().read(frame).map(({ meta }) => meta)).to.deep.equal([{}]);
  });

  it('of a size that none may have are refused', () => {
    for (const size of [0, 12, 2 ** 30]) {
      const bytes = Buffer.alloc(40);
      bytes.writeUInt32LE(size);
      expect(() => new FrameReader().read(bytes), String(size)).to.throw('a frame has');
    }
  });

  it('are the same, however the bytes arrive', () =>
    fc.assert(
      fc.property(
        fc.array(fc.record({ id: fc.nat(), text: fc.string({ maxLength: 40 }) }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        (messages, sizes) => {
          const all = Buffer.concat(
            messages.map(({ id, text }) => bytesOf(KIND.result, { id, payload: Buffer.from(text) })),
          );
          const reader = new FrameReader();
          const read: Frame[] = [];
          for (let at = 0, turn = 0; at < all.length; turn++) {
            const size = sizes[turn % sizes.length]!;
            read.push(...reader.read(all.subarray(at, at + size)));
            at += size;
          }
          expect(read.map(({ id, payload }) => ({ id, text: payload.toString() }))).to.deep.equal(messages);
        },
      ),
    ));
});
