/** Request bodies: bounded in size, also unpacked, and never half. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip, createInflate, type Gunzip, type Inflate } from 'node:zlib';
import type { Arrival } from '../run/pool.ts';

export const BODY_LIMIT = 16 * 2 ** 20;

const UNPACK: Record<string, () => Gunzip | Inflate> = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate };

/** Why there is no body: a status and what is wrong. */
export interface Refusal {
  status: number;
  message: string;
}

type Done = (refusal: Refusal | undefined, body: Buffer) => void;
const NOTHING = Buffer.alloc(0);
const TOO_LARGE = `the body is larger than ${BODY_LIMIT} bytes`;

/** Calls back once: with the whole body, or with why there is none; not at all when the client goes away before. */
export function readBody(request: IncomingMessage, arrival: Arrival, done: Done): void {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity' && !Object.hasOwn(UNPACK, encoding)) return done({ status: 415, message: `Content-Encoding ${encoding.slice(0, 50)} is not supported: send gzip, deflate or nothing` }, NOTHING);
  if (Number(request.headers['content-length']) > BODY_LIMIT) return done({ status: 413, message: TOO_LARGE }, NOTHING);
  gather(request, arrival, TOO_LARGE, (refusal, body) => {
    if (refusal || encoding === undefined || encoding === 'identity') done(refusal, body);
    else unpack(body, encoding, arrival, done);
  });
}

/** Calls back once. What unpacks to more than the limit is cut there: a small bomb stays small. */
function unpack(body: Buffer, encoding: string, arrival: Arrival, done: Done): void {
  const unpacker = UNPACK[encoding]!();
  gather(unpacker, arrival, `unpacked, ${TOO_LARGE}`, (refusal, bytes) => {
    if (refusal) unpacker.removeAllListeners().on('error', () => undefined).destroy();
    done(refusal, bytes);
  });
  unpacker.on('error', ({ message }) => done({ status: 400, message: `the body is not ${encoding}: ${message}` }, NOTHING)).end(body);
}

/** All of a stream, counted as it grows and refused where it is too much. Calls back once, or not at all when the stream fails. */
function gather(stream: Readable, arrival: Arrival, tooLarge: string, done: Done): void {
  let whole: Buffer | undefined;
  let more: Buffer[] | undefined;
  let size = 0;
  const refuse = (status: number, message: string): void => {
    stream.removeAllListeners('data').removeAllListeners('end').resume();
    done({ status, message }, NOTHING);
  };
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > BODY_LIMIT) return refuse(413, tooLarge);
    const tooMuch = arrival.more(chunk.length);
    if (tooMuch !== undefined) return refuse(429, tooMuch);
    if (whole === undefined) whole = chunk;
    else (more ??= [whole]).push(chunk);
  }).on('end', () => done(undefined, more ? Buffer.concat(more) : (whole ?? NOTHING)));
}
