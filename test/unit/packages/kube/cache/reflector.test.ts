/** The reflector against an API server that misbehaves: what a real one cannot be asked to do. */
import { expect } from 'chai';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import type { KubeObject } from '@penstock/kube/api/objects';
import { CLIENT_PROFILE, KIND } from '../../../../../operator/api/kinds.ts';
import { FairShare } from '@penstock/kube/cache/fairShare';
import { objectKey } from '@penstock/kube/api/keys';
import { Cache } from '@penstock/kube/cache/cache';
import { KubeClient } from '@penstock/kube/client/client';
import type { Pool } from '@penstock/kube/client/pool';
import { Reflector } from '@penstock/kube/cache/reflector';
import { waitFor } from '../../../../support/waitFor.ts';

const service = (name: string, resourceVersion: string, uid = `uid-${name}`): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'ns', resourceVersion, uid },
});
const event = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;
type Answer = (response: ServerResponse, query: URLSearchParams) => void;
const list =
  (rv: string, ...items: KubeObject[]): Answer =>
  (response) =>
    response.end(JSON.stringify({ metadata: { resourceVersion: rv }, items }));
const status =
  (code: number, headers = {}): Answer =>
  (response) =>
    response.writeHead(code, headers).end(JSON.stringify({ reason: 'X', message: 'no', code }));

describe('list and watch', () => {
  let server: Server;
  let stop: AbortController;
  let script: Answer[];
  let queries: string[];
  let cache: Cache<KubeObject>;
  let errors: unknown[];
  let idleMs: number;
  /** Milliseconds before each further attempt. The tests do not wait for them. */
  let pauses: number[];
  const agent = new Agent();

  /** Plays the script, one answer a request; the last one stays open. */
  async function play(...answers: Answer[]): Promise<Reflector<KubeObject>> {
    script = answers;
    const { port } = server.address() as AddressInfo;
    const pool = {
      access: async () => ({
        server: `http://127.0.0.1:${port}`,
        dispatchers: { calls: agent, watches: agent, lease: agent },
        headers: {},
      }),
    } as unknown as Pool;
    const reflector = new Reflector(new KubeClient(pool, CLIENT_PROFILE), cache, {
      kind: KIND.service,
      idleMs,
      onError: (error) => errors.push(error),
      random: () => 0.5,
      pause: (ms) => Promise.resolve(pauses.push(ms)),
    });
    void reflector.run(stop.signal);
    return reflector;
  }
  const until = (check: () => boolean): Promise<unknown> =>
    waitFor(check, 3_000, {
      what: () => `${[...cache.values()].map(objectKey).join(' ')} | ${queries.join(' ')}`,
      everyMs: 10,
    });

  beforeEach((done) => {
    [queries, errors, pauses, cache, stop, idleMs] = [[], [], [], new Cache(), new AbortController(), 5000];
    server = createServer((request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams;
      queries.push(
        query.get('watch')
          ? `watch@${query.get('resourceVersion')}`
          : `list${query.get('resourceVersion') === null ? '' : `@${query.get('resourceVersion')}`}`,
      );
      const answer = script.shift();
      if (answer) answer(response, query);
      else response.flushHeaders(); // a quiet watch
    }).listen(0, '127.0.0.1', done);
  });
  afterEach(() => {
    stop.abort();
    server.closeAllConnections();
    server.close();
  });
  after(() => agent.close());

  it('fills the cache, page after page, and watches from there', async () => {
    const page: Answer = (response) =>
      response.end(
        JSON.stringify({ metadata: { resourceVersion: '5', continue: 'more' }, items: [service('a', '1')] }),
      );
    await play(page, list('5', service('b', '2')));
    await until(() => queries.includes('watch@5'));
    expect([...cache.values()].map(objectKey)).to.deep.equal(['ns/a', 'ns/b']);
    expect(cache.get('ns', 'a')).to.include({ kind: 'Service' });
  });

  it('is synced when the first list is in the cache, also after an error', async () => {
    const reflector = await play(status(503), list('5', service('a', '1'), service('b', '2')));
    expect(reflector.synced).to.equal(false);
    await reflector.whenSynced;
    expect([...cache.values()].map(objectKey)).to.deep.equal(['ns/a', 'ns/b']);
    expect(reflector.synced).to.equal(true);
  });

  it('a page of more than 8 MiB is asked for again, with a quarter of the objects', async () => {
    const large: Answer = (response) =>
      response.end(
        JSON.stringify({
          metadata: { resourceVersion: '5' },
          items: [{ ...service('a', '1'), spec: 'x'.repeat(9 * 2 ** 20) }],
        }),
      );
    const limits: (string | null)[] = [];
    const noting =
      (answer: Answer): Answer =>
      (response, query) => {
        limits.push(query.get('limit'));
        answer(response, query);
      };
    await play(noting(large), noting(large), noting(list('5', service('a', '1'))));
    await until(() => cache.get('ns', 'a') !== undefined);
    expect(limits).to.deep.equal(['500', '125', '32']);
    expect(errors).to.deep.equal([]);
  });

  it('omitted objects are listed again once there is memory', async () => {
    cache = new Cache(undefined, undefined, new FairShare(3_000));
    const large = { ...service('b', '2'), spec: 'x'.repeat(1_500) };
    const deleted: Answer = (response) =>
      response.write(event('DELETED', service('a', '6', 'uid-a')) + event('BOOKMARK', service('', '7')));
    await play(
      list('5', { ...service('a', '1'), spec: 'x'.repeat(1_000) } as KubeObject, large),
      deleted,
      list('7', large),
    );
    await until(() => cache.get('ns', 'b') !== undefined);
    expect(queries.slice(0, 3)).to.deep.equal(['list', 'watch@5', 'list@7']);
  });

  const failures: [string, Answer][] = [
    ['a 500', status(500)],
    ['a 429 with Retry-After', status(429, { 'retry-after': '0' })],
    [
      'a reset in the middle of a line',
      (response) => {
        response.write('{"type": "ADD');
        setTimeout(() => response.destroy(), 20);
      },
    ],
    [
      'an ERROR event',
      (response) => response.end(event('ERROR', { code: 500, reason: 'InternalError', message: 'etcd is slow' })),
    ],
    ['a line that is no JSON', (response) => response.end('<html>\n')],
  ];
  for (const [what, answer] of failures) {
    it(`continues after ${what} from the last version`, async () => {
      await play(list('5', service('a', '1')), answer, (response) => response.write(event('ADDED', service('b', '6'))));
      await until(() => cache.get('ns', 'b') !== undefined);
      expect(queries.slice(0, 3)).to.deep.equal(['list', 'watch@5', 'watch@5']);
      expect(errors).to.have.length(1);
    });
  }

  it('lists again after a 410, and removes what was deleted meanwhile', async () => {
    await play(
      list('5', service('a', '1'), service('b', '2')),
      (response) => response.end(event('ERROR', { code: 410, reason: 'Expired', message: 'too old' })),
      list('9', service('b', '2')),
    );
    await until(() => queries.includes('watch@9'));
    expect([...cache.values()].map(objectKey)).to.deep.equal(['ns/b']);
  });

  it('an object that is newer than a list stays, although the list does not have it', async () => {
    await play(
      list('5', service('a', '1')),
      (response) => {
        cache.put(service('own', '12')); // the response to a write of our own
        response.end(event('ERROR', { code: 410, reason: 'Expired', message: 'too old' }));
      },
      list('9'),
    );
    await until(() => queries.includes('watch@9'));
    expect([...cache.values()].map(objectKey)).to.deep.equal(['ns/own']);
  });

  it('pauses grow with each failure in a row, and start again after an event', async () => {
    const received: Answer = (response) => response.end(event('BOOKMARK', service('', '8')));
    await play(list('5'), status(500), status(500), status(500), received, status(500));
    await until(() => pauses.length === 4);
    expect(pauses).to.deep.equal([800, 1600, 3200, 800]);
  });

  it('a pause is at most 30 s', async () => {
    await play(...Array.from({ length: 8 }, () => status(500)));
    await until(() => pauses.length === 8);
    expect(pauses.slice(4)).to.deep.equal([12_800, 25_600, 30_000, 30_000]);
  });

  it('after a Retry-After the pause is that time and up to half of it more', async () => {
    await play(list('5'), status(429, { 'retry-after': '2' }));
    await until(() => pauses.length === 1);
    expect(pauses).to.deep.equal([2500]);
  });

  it('a bookmark moves the place to go on from', async () => {
    await play(list('5'), (response) => response.end(event('BOOKMARK', service('', '8'))));
    await until(() => queries.includes('watch@8'));
  });

  it('keeps the newest version of a uid, and accepts a new object of the same name', async () => {
    const changes: string[] = [];
    cache.onChange((change, object) => changes.push(`${change} ${object.metadata.resourceVersion}`));
    await play(list('5', service('a', '5')), (response) =>
      response.write(
        event('MODIFIED', service('a', '3')) +
          event('ADDED', service('a', '6', 'another')) +
          event('DELETED', service('a', '5')) +
          event('DELETED', service('a', '7', 'another')),
      ),
    );
    await until(() => changes.length === 4);
    expect(changes).to.deep.equal(['added 5', 'removed 5', 'added 6', 'removed 6']);
  });

  it('a list from an API server that is behind is refused and requested again', async () => {
    const expired: Answer = (response) =>
      response.end(event('ERROR', { code: 410, reason: 'Expired', message: 'too old' }));
    await play(
      list('5', service('a', '5')),
      expired,
      list('3', service('b', '2')),
      list('6', service('a', '5'), service('c', '6')),
    );
    await until(() => cache.get('ns', 'c') !== undefined);
    expect([...cache.values()].map(objectKey)).to.deep.equal(['ns/a', 'ns/c']);
    expect(errors.map((error) => (error as Error).message)).to.deep.equal([
      'a list of services is of version 3, but 5 was seen before: that API server is behind',
    ]);
    expect(
      queries.filter((query) => query.startsWith('list')),
      'not older than what was seen',
    ).to.deep.equal(['list', 'list@5', 'list@5']);
  });

  it('a silent watch connection is closed, and the watch continues from its version', async () => {
    idleMs = 300;
    await play(
      list('5', service('a', '1')),
      (response) => response.flushHeaders(),
      (response) => response.write(event('ADDED', service('b', '6'))),
    );
    await until(() => cache.get('ns', 'b') !== undefined);
    expect(queries.slice(0, 3)).to.deep.equal(['list', 'watch@5', 'watch@5']);
  });

  it('what is cached cannot be changed', async () => {
    await play(list('5', service('a', '1')));
    await until(() => cache.get('ns', 'a') !== undefined);
    expect(Object.isFrozen(cache.get('ns', 'a')!.metadata)).to.equal(true);
  });
});
