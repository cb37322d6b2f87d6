/** Request bodies, bounded. */
import type { IncomingMessage } from 'node:http';

const LIMIT = 16 * 2 ** 20;

export class BodyTooLarge extends Error {}

/** The whole body; rejects with BodyTooLarge over 16 MiB, and when the client goes away. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LIMIT) throw new BodyTooLarge(`the body is larger than ${LIMIT} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
