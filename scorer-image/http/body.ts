/** Request bodies: bounded in size, also unpacked, and in time, and never half. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip, createInflate, type Gunzip, type Inflate } from 'node:zlib';
import type { Upload } from '../run/uploads.ts';

/** How large a body may be, and how slow. */
export interface BodyLimits {
  maxBytes: number;
  /** A body that has not come after this long must have come at {@link MIN_BYTES_PER_SECOND}. */
  graceMs: number;
}

/** A steady upload over a poor line is no attack. */
const MIN_BYTES_PER_SECOND = 8 * 1024;

/** A packed body may grow by so much: text and numbers pack to a tenth or a thirtieth, and only bytes made for it to a thousandth. */
const MAX_COMPRESSION_RATIO = 100;
/** Up to here it may be any (bytes). */
const UNCHECKED_RATIO_BYTES = 2 ** 20;

const UNPACK: Record<string, () => Gunzip | Inflate> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
};

/** Why there is no body: a status and what is wrong. */
export interface Refusal {
  status: number;
  message: string;
}

type Done = (refusal: Refusal | undefined, body: Buffer) => void;
const NOTHING = Buffer.alloc(0);

interface Reading {
  upload: Upload;
  maxBytes: number;
  /** In front of what is said of a body that is too large. */
  prefix: string;
  /** What it came as, where it is unpacked (bytes). */
  packedBytes?: number;
}

const tooLarge = ({ prefix, maxBytes }: Pick<Reading, 'prefix' | 'maxBytes'>): string =>
  `${prefix}the body is larger than ${maxBytes} bytes (endpoint.maxRequestBytes)`;

/** Calls back once: with the whole body, or with why there is none; not at all when the client goes away before. */
export function readBody(
  request: IncomingMessage,
  upload: Upload,
  { maxBytes, graceMs }: BodyLimits,
  done: Done,
): void {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase(); // RFC 9110 §8.4.1: its case does not matter
  if (encoding !== undefined && encoding !== 'identity' && !Object.hasOwn(UNPACK, encoding))
    return done(
      {
        status: 415,
        message: `Content-Encoding ${encoding.slice(0, 50)} is not supported: send gzip, deflate or nothing`,
      },
      NOTHING,
    );
  if (Number(request.headers['content-length']) > maxBytes)
    return done({ status: 413, message: tooLarge({ prefix: '', maxBytes }) }, NOTHING);
  const size = collect(request, { upload, maxBytes, prefix: '' }, (refusal, body) => {
    incomplete.delete(size);
    if (refusal || encoding === undefined || encoding === 'identity') done(refusal, body);
    else unpack(body, encoding, { upload, maxBytes, prefix: 'unpacked, ', packedBytes: body.length }, done);
  });
  trackPace(size, { request, graceMs });
}

interface Pace {
  request: IncomingMessage;
  graceMs: number;
  /** When it was looked at first (performance.now()). */
  begun?: number;
}

/** Bodies that have not come whole, looked at together: a timer for each would cost more than most of them. */
const incomplete = new Map<CollectedBody, Pace>();
const PACE_CHECK_MS = 1_000;
let paceTimer: NodeJS.Timeout | undefined;

function trackPace(size: CollectedBody, pace: Pace): void {
  incomplete.set(size, pace);
  paceTimer ??= setInterval(rejectSlowBodies, PACE_CHECK_MS).unref();
}

/** Refuses the bodies that come too slowly, to within a second or two. */
function rejectSlowBodies(): void {
  if (incomplete.size === 0) paceTimer = void clearInterval(paceTimer);
  const now = performance.now();
  for (const [size, pace] of incomplete) {
    pace.begun ??= now;
    const allowedMs = pace.graceMs + (size.bytes / MIN_BYTES_PER_SECOND) * 1000;
    if (pace.request.destroyed) incomplete.delete(size);
    else if (now - pace.begun > allowedMs)
      size.refuse(
        408,
        `the body came too slowly: after ${pace.graceMs / 1000} s at least ${MIN_BYTES_PER_SECOND} bytes a second are expected`,
      );
  }
}

/** Calls back once. What unpacks to more than the limit is cut there: a small bomb stays small. */
function unpack(body: Buffer, encoding: string, reading: Reading, done: Done): void {
  const unpacker = UNPACK[encoding]!();
  collect(unpacker, reading, (refusal, bytes) => {
    if (refusal)
      unpacker
        .removeAllListeners()
        .on('error', () => undefined)
        .destroy();
    done(refusal, bytes);
  });
  unpacker
    .on('error', ({ message }) => done({ status: 400, message: `the body is not ${encoding}: ${message}` }, NOTHING))
    .end(body);
}

interface CollectedBody {
  bytes: number;
  refuse: (status: number, message: string) => void;
}

/** All of a stream, counted as it grows and refused where it is too much. Calls back once, or not at all when the stream fails. */
function collect(stream: Readable, reading: Reading, done: Done): CollectedBody {
  const { upload, maxBytes, packedBytes = Infinity } = reading;
  let whole: Buffer | undefined;
  let more: Buffer[] | undefined;
  let over = false;
  const size: CollectedBody = {
    bytes: 0,
    refuse: (status, message) => {
      if (over) return;
      over = true;
      stream.removeAllListeners('data').removeAllListeners('end').resume();
      done({ status, message }, NOTHING);
    },
  };
  stream
    .on('data', (chunk: Buffer) => {
      size.bytes += chunk.length;
      if (size.bytes > maxBytes) return size.refuse(413, tooLarge(reading));
      if (size.bytes > UNCHECKED_RATIO_BYTES && size.bytes > packedBytes * MAX_COMPRESSION_RATIO)
        return size.refuse(
          413,
          `unpacked, the body is more than ${MAX_COMPRESSION_RATIO} times as large as it came: send it without Content-Encoding`,
        );
      const tooMuch = upload.received(chunk.length);
      if (tooMuch !== undefined) return size.refuse(429, tooMuch);
      if (whole === undefined) whole = chunk;
      else (more ??= [whole]).push(chunk);
    })
    .on('end', () => {
      over = true;
      done(undefined, more ? Buffer.concat(more) : (whole ?? NOTHING));
    });
  return size;
}
