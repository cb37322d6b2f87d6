/**
 * The activator between hostile pods and hostile clients: each exchange ends by itself, and one request is one request.
 */
import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer as createNetServer, type AddressInfo, type Server as NetServer } from 'node:net';
import { openDoor, type Door } from '../../support/fixtures/door.ts';
import { hostileAnswers } from '../../property/fuzz/answers.ts';
import { smugglingForms } from '../../property/fuzz/smuggling.ts';

const ANSWERS = Number(process.env.HOSTILE_ANSWERS ?? 1_000);
const FORMS = Number(process.env.HOSTILE_FORMS ?? 1_000);

/** All that comes back on a connection after these bytes; the client ends its side when nothing comes for a moment. */
const exchange = (port: number, bytes: Buffer): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1' }, () => void socket.write(bytes));
    let quiet = setTimeout(() => socket.end(), 300);
    const late = setTimeout(() => {
      text = 'hangs';
      socket.destroy();
    }, 15_000);
    socket
      .on('data', (chunk) => {
        text += chunk.toString('latin1');
        clearTimeout(quiet);
        quiet = setTimeout(() => socket.end(), 30);
      })
      .on('error', () => undefined)
      .on('close', () => {
        clearTimeout(quiet);
        clearTimeout(late);
        resolve(text);
      });
  });

async function inTurns<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, i: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < items.length) {
        const i = next++;
        await work(items[i]!, i);
      }
    }),
  );
}

describe('the activator with hostile pods', function () {
  this.timeout(300_000);
  let door: Door;
  let pod: NetServer;
  const portOf = (server: NetServer): number => (server.address() as AddressInfo).port;
  afterEach(() => {
    door.end();
    pod.close();
  });

  it(`${ANSWERS} hostile answers of a pod: each request ends with an answer or a closed connection`, async () => {
    const answers = hostileAnswers(1);
    pod = createNetServer((socket) =>
      socket.on('error', () => undefined).once('data', () => socket.end(answers.next().value.bytes)),
    ).listen(0, '127.0.0.1');
    await once(pod, 'listening');
    door = await openDoor(portOf(pod));
    const ends: Record<string, number> = {};
    await inTurns(Array.from({ length: ANSWERS }), 32, async () => {
      const text = await exchange(
        door.port,
        Buffer.from('POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}'),
      );
      const end = text === 'hangs' ? text : (/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 'closed');
      ends[end] = (ends[end] ?? 0) + 1;
    });
    expect(ends).not.to.have.property('hangs');
    expect(ends['502'], JSON.stringify(ends)).to.be.greaterThan(ANSWERS / 5);
    expect(ends['200'], JSON.stringify(ends)).to.be.greaterThan(0);
  });

  it('a pipelined request closes the connection', async () => {
    pod = createNetServer().listen(0, '127.0.0.1');
    await once(pod, 'listening');
    door = await openDoor(0); // no pod, and none comes
    const socket = connect({ port: door.port, host: '127.0.0.1' }, () =>
      socket.write('POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n'.repeat(2)),
    );
    await once(socket.on('error', () => undefined).resume(), 'close');
  });

  it(`${FORMS} forms of request smuggling: the pod gets what its own parser would have seen, and nothing more`, async () => {
    const forms = smugglingForms(FORMS, 1);
    interface Seen {
      method: string;
      url: string;
      body: string;
    }
    const record =
      (into: Seen[][]) =>
      (request: IncomingMessage, response: ServerResponse): void => {
        const chunks: Buffer[] = [];
        const form = Number(request.headers['x-form'] ?? -1);
        request
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('end', () => {
            (into[form] ??= []).push({
              method: request.method!,
              url: request.url!,
              body: Buffer.concat(chunks).toString('latin1'),
            });
            response.end('served');
          });
      };
    const [direct, through]: [Seen[][], Seen[][]] = [[], []];
    const stray: Seen[] = [];
    const reference = createServer(record(direct)).listen(0, '127.0.0.1');
    pod = createServer((request, response) => {
      if (request.headers['x-form'] === undefined) stray.push({ method: request.method!, url: request.url!, body: '' });
      record(through)(request, response);
    }).listen(0, '127.0.0.1');
    for (const server of [reference, pod]) if (!server.listening) await once(server, 'listening');
    door = await openDoor(portOf(pod));
    await inTurns(forms, 32, async (form) => {
      await exchange(portOf(reference), form);
      await exchange(door.port, form);
    });
    const wrong = forms.flatMap((form, i) => {
      const [wanted, got] = [direct[i] ?? [], through[i] ?? []];
      const same = got.length <= 1 && got.every((request, k) => JSON.stringify(request) === JSON.stringify(wanted[k]));
      return same ? [] : [`${JSON.stringify(got)} and not ${JSON.stringify(wanted)} ← ${form.toString('latin1')}`];
    });
    expect(wrong.slice(0, 3)).to.deep.equal([]);
    expect(stray.slice(0, 3), 'a hidden request carries no number').to.deep.equal([]);
    expect(through.filter(Boolean).length, 'forms that arrived').to.be.greaterThan(FORMS / 20);
    reference.close();
  });
});
