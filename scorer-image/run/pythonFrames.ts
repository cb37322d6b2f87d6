/**
 * The messages between the scorer and its Python processes, over a unix socket. The other side is
 * python/penstock_worker/frames.py. A frame is a header, `meta` (a JSON object or nothing) and a payload of bytes.
 */
import { parsedJson } from '@penstock/contract';
import type { Socket } from 'node:net';

/** The first five are sent by the scorer; the others are received. */
export const KIND = {
  request: 1,
  pull: 2,
  cancel: 3,
  kill: 4,
  start: 5,
  hello: 10,
  ready: 11,
  failed: 12,
  result: 13,
  response: 14,
  error: 15,
  head: 16,
  chunk: 17,
  end: 18,
  gone: 19,
} as const;

/** Bytes after this field (4), kind (1), id of the request (4), milliseconds (4), bytes of `meta` (4). */
const HEADER_BYTES = 17;
const SIZE_BYTES = 4;
/** A body of more than a mebibyte comes in chunks. */
const MAX_FRAME_BYTES = 8 * 2 ** 20;
const NOTHING = new Uint8Array(0);

export interface Frame {
  kind: number;
  id: number;
  milliseconds: number;
  meta: Record<string, unknown>;
  payload: Buffer;
}

export interface FrameContent {
  id?: number;
  meta?: object;
  payload?: Uint8Array;
}

/** The two parts of a frame, in the order in which they are sent. */
export function encodeFrame(
  kind: number,
  { id = 0, meta, payload = NOTHING }: FrameContent = {},
): [head: Buffer, payload: Uint8Array] {
  const text = meta ? Buffer.from(JSON.stringify(meta)) : NOTHING;
  const head = Buffer.alloc(HEADER_BYTES + text.length);
  head.writeUInt32LE(head.length - SIZE_BYTES + payload.length, 0);
  head.writeUInt8(kind, 4);
  head.writeUInt32LE(id, 5);
  head.writeUInt32LE(text.length, 13);
  head.set(text, HEADER_BYTES);
  return [head, payload];
}

/** Sends a frame. */
export function writeFrame(socket: Pick<Socket, 'write'>, kind: number, content: FrameContent): void {
  for (const part of encodeFrame(kind, content)) socket.write(part);
}

/** Makes frames of the bytes of a connection. */
export class FrameReader {
  #parts: Buffer[] = [];
  #length = 0;

  /** The frames that are complete with these bytes. Throws for a size that no frame has. */
  read(bytes: Buffer): Frame[] {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    const frames: Frame[] = [];
    for (let size = this.#size(); size !== undefined && size <= this.#length; size = this.#size())
      frames.push(decode(this.#take(size)));
    return frames;
  }

  /** Bytes of the next frame; undefined while they are not known. */
  #size(): number | undefined {
    if (this.#length < SIZE_BYTES) return undefined;
    if (this.#parts[0]!.length < SIZE_BYTES) this.#parts = [Buffer.concat(this.#parts)];
    const size = this.#parts[0]!.readUInt32LE(0) + SIZE_BYTES;
    if (size < HEADER_BYTES || size > MAX_FRAME_BYTES) throw new RangeError(`a frame has ${size} bytes`);
    return size;
  }

  #take(size: number): Buffer {
    const all = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#length -= size;
    this.#parts = this.#length > 0 ? [all.subarray(size)] : [];
    return all.subarray(0, size);
  }
}

function decode(frame: Buffer): Frame {
  const payloadAt = Math.min(HEADER_BYTES + frame.readUInt32LE(13), frame.length);
  const meta = payloadAt > HEADER_BYTES ? parsedJson(frame.toString('utf8', HEADER_BYTES, payloadAt)) : {};
  return {
    kind: frame.readUInt8(4),
    id: frame.readUInt32LE(5),
    milliseconds: frame.readFloatLE(9),
    meta: (meta ?? {}) as Record<string, unknown>,
    payload: frame.subarray(payloadAt),
  };
}
