/** Reads request bodies: complete or not at all, with limits of size before and after decompression, and of time. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip, createInflate, type Gunzip, type Inflate } from 'node:zlib';
import { rejection, type Rejection } from '../rejections.ts';
import type { Upload } from '../run/uploads.ts';

/** Limits of a request body. */
export interface BodyLimits {
  maxBytes: number;
  /** After this time a body must have arrived at {@link MIN_BYTES_PER_SECOND} or faster. */
  graceMs: number;
}

/** A steady upload over a slow connection is legitimate. */
const MIN_BYTES_PER_SECOND = 8 * 1024;

/** Decompressed to compressed size: text and numbers reach 10 to 30, only crafted bodies reach 1000. */
const MAX_COMPRESSION_RATIO = 100;
/** The ratio is not checked below this size (bytes). */
const UNCHECKED_RATIO_BYTES = 2 ** 20;

const UNPACK: Record<string, () => Gunzip | Inflate> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
};

type Done = (rejected: Rejection | undefined, body: Buffer) => void;
const NOTHING = Buffer.alloc(0);

interface Reading {
  upload: Upload;
  maxBytes: number;
  tooLarge: Rejection;
  /** Size before decompression (bytes). */
  packedBytes?: number;
}

/** Calls `done` once with the body or a rejection; never if the client disconnects before that. */
export function readBody(
  request: IncomingMessage,
  upload: Upload,
  { maxBytes, graceMs }: BodyLimits,
  done: Done,
): void {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase(); // case-insensitive (RFC 9110 §8.4.1)
  if (encoding !== undefined && encoding !== 'identity' && !Object.hasOwn(UNPACK, encoding))
    return done(rejection('unsupportedEncoding', { encoding: encoding.slice(0, 50) }), NOTHING);
  const tooLarge = rejection('bodyTooLarge', { maxBytes });
  if (Number(request.headers['content-length']) > maxBytes) return done(tooLarge, NOTHING);
  const size = collect(request, { upload, maxBytes, tooLarge }, (rejected, body) => {
    incomplete.delete(size);
    if (rejected || encoding === undefined || encoding === 'identity') return done(rejected, body);
    const unpackedTooLarge = rejection('unpackedBodyTooLarge', { maxBytes });
    unpack(body, encoding, { upload, maxBytes, tooLarge: unpackedTooLarge, packedBytes: body.length }, done);
  });
  trackPace(size, { request, graceMs });
}

interface Pace {
  request: IncomingMessage;
  graceMs: number;
  /** When it was first checked (performance.now()). */
  begun?: number;
}

/** Bodies that are not complete. They share one timer, because most bodies cost less than a timer of their own. */
const incomplete = new Map<CollectedBody, Pace>();
const PACE_CHECK_MS = 1_000;
let paceTimer: NodeJS.Timeout | undefined;

function trackPace(size: CollectedBody, pace: Pace): void {
  incomplete.set(size, pace);
  paceTimer ??= setInterval(rejectSlowBodies, PACE_CHECK_MS).unref();
}

/** Rejects bodies that arrive too slowly, within one or two seconds. */
function rejectSlowBodies(): void {
  if (incomplete.size === 0) paceTimer = void clearInterval(paceTimer);
  const now = performance.now();
  for (const [size, pace] of incomplete) {
    pace.begun ??= now;
    const allowedMs = pace.graceMs + (size.bytes / MIN_BYTES_PER_SECOND) * 1000;
    if (pace.request.destroyed) incomplete.delete(size);
    else if (now - pace.begun > allowedMs)
      size.reject(rejection('slowBody', { seconds: pace.graceMs / 1000, bytes: MIN_BYTES_PER_SECOND }));
  }
}

/** Decompresses a body. Calls `done` once. Decompression stops at the size limit. */
function unpack(body: Buffer, encoding: string, reading: Reading, done: Done): void {
  const unpacker = UNPACK[encoding]!();
  collect(unpacker, reading, (rejected, bytes) => {
    if (rejected)
      unpacker
        .removeAllListeners()
        .on('error', () => undefined)
        .destroy();
    done(rejected, bytes);
  });
  unpacker
    .on('error', ({ message }) => done(rejection('undecodableBody', { encoding, problem: message }), NOTHING))
    .end(body);
}

interface CollectedBody {
  bytes: number;
  reject: (rejected: Rejection) => void;
}

/** Collects a stream and rejects it when a limit is exceeded. Calls `done` once, or never if the stream fails. */
function collect(stream: Readable, reading: Reading, done: Done): CollectedBody {
  const { upload, maxBytes, tooLarge, packedBytes = Infinity } = reading;
  let whole: Buffer | undefined;
  let more: Buffer[] | undefined;
  let over = false;
  const size: CollectedBody = {
    bytes: 0,
    reject: (rejected) => {
      if (over) return;
      over = true;
      stream.removeAllListeners('data').removeAllListeners('end').resume();
      done(rejected, NOTHING);
    },
  };
  stream
    .on('data', (chunk: Buffer) => {
      size.bytes += chunk.length;
      if (size.bytes > maxBytes) return size.reject(tooLarge);
      if (size.bytes > UNCHECKED_RATIO_BYTES && size.bytes > packedBytes * MAX_COMPRESSION_RATIO)
        return size.reject(rejection('compressionRatioTooHigh', { ratio: MAX_COMPRESSION_RATIO }));
      const tooMuch = upload.received(chunk.length);
      if (tooMuch) return size.reject(tooMuch);
      if (whole === undefined) whole = chunk;
      else (more ??= [whole]).push(chunk);
    })
    .on('end', () => {
      over = true;
      done(undefined, more ? Buffer.concat(more) : (whole ?? NOTHING));
    });
  return size;
}
