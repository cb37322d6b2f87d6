/** Request bodies: bounded in size, also unpacked, and never half. */
import type { IncomingMessage } from 'node:http';
import { createGunzip, createInflate, type Gunzip, type Inflate } from 'node:zlib';
import type { Arrival } from '../run/pool.ts';

export const BODY_LIMIT = 16 * 2 ** 20;

const UNPACK: Record<string, () => Gunzip | Inflate> = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate };

/** Why a body is refused. */
export class BodyRefused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const TOO_LARGE = `the body is larger than ${BODY_LIMIT} bytes`;

/** Calls back once: with the whole body, or with why there is none; not at all when the client goes away before. */
export function readBody(request: IncomingMessage, arrival: Arrival, done: (error: BodyRefused | undefined, body: Buffer) => void): void {
  const nothing = Buffer.alloc(0);
  const refuse = (refusal: BodyRefused): void => {
    request.removeAllListeners('data').removeAllListeners('end').resume();
    done(refusal, nothing);
  };
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity' && !Object.hasOwn(UNPACK, encoding)) return refuse(new BodyRefused(415, `Content-Encoding ${encoding.slice(0, 50)} is not supported: send gzip, deflate or nothing`));
  if (Number(request.headers['content-length']) > BODY_LIMIT) return refuse(new BodyRefused(413, TOO_LARGE));
  let whole: Buffer | undefined;
  let more: Buffer[] | undefined;
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > BODY_LIMIT) return refuse(new BodyRefused(413, TOO_LARGE));
    const tooMuch = arrival.more(chunk.length);
    if (tooMuch !== undefined) return refuse(new BodyRefused(429, tooMuch));
    if (whole === undefined) whole = chunk;
    else (more ??= [whole]).push(chunk);
  });
  request.on('end', () => {
    const body = more ? Buffer.concat(more) : (whole ?? nothing);
    const unpacker = encoding === undefined ? undefined : UNPACK[encoding];
    if (unpacker) unpack(body, unpacker(), arrival, (problem, bytes) => done(typeof problem === 'string' ? new BodyRefused(400, `the body is not ${encoding}: ${problem}`) : problem, bytes ?? nothing));
    else done(undefined, body);
  });
}

/** Counted as it grows, and cut where it is too much: a small bomb stays small. Calls back once. */
function unpack(body: Buffer, unpacker: Gunzip | Inflate, arrival: Arrival, done: (problem: BodyRefused | string | undefined, bytes?: Buffer) => void): void {
  const parts: Buffer[] = [];
  let size = 0;
  const refuse = (refusal: BodyRefused): void => {
    unpacker.removeAllListeners().on('error', () => undefined).destroy();
    done(refusal);
  };
  unpacker.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > BODY_LIMIT) return refuse(new BodyRefused(413, `unpacked, ${TOO_LARGE}`));
    const tooMuch = arrival.more(chunk.length);
    if (tooMuch !== undefined) return refuse(new BodyRefused(429, tooMuch));
    parts.push(chunk);
  }).on('error', ({ message }) => done(message)).on('end', () => done(undefined, Buffer.concat(parts))).end(body);
}
