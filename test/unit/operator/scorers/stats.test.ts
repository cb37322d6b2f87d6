/** The stats of pods that serve. A pod that does not answer keeps its last stats for a while. */
import type { ScorerStats } from '@penstock/contract';
import { expect } from 'chai';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { Stored } from '@penstock/kube/api/objects';
import { statsOverHttp, parseStats, Scorers } from '../../../../operator/scorers/stats.ts';

const stats = (concurrency: number, rest: Partial<ScorerStats> = {}): ScorerStats => ({
  revision: 'iris-1',
  phase: 'Ready',
  inFlight: 0,
  concurrency,
  requestsPerSecond: 0,
  idleSeconds: 0,
  ...rest,
});
const pod = (name: string, status: object = { phase: 'Running', podIP: name }): Stored<Pod> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, uid: name, namespace: 'default' },
  status,
});

describe('figures of scorers', () => {
  let said: Record<string, ScorerStats | undefined>;
  let now: number;
  let scorers: Scorers;
  beforeEach(() => {
    [said, now] = [{}, 0];
    scorers = new Scorers(
      (address) => Promise.resolve(said[address]),
      () => now,
    );
  });
  const read = async (...pods: Stored<Pod>[]): Promise<Record<string, number>> =>
    Object.fromEntries((await scorers.readings(pods)).map((one) => [one.pod.metadata.name, one.stats.concurrency]));

  it('each pod that serves has its own', async () => {
    said = { a: stats(3), b: stats(0) };
    expect(await read(pod('a'), pod('b'))).to.deep.equal({ a: 3, b: 0 });
  });

  it('pods in init(), without an address or terminating have no figures', async () => {
    said = { a: stats(3), b: stats(0, { phase: 'Init' }), c: stats(1) };
    expect(
      await read(pod('a'), pod('b'), pod('new', { phase: 'Pending' }), {
        ...pod('c'),
        metadata: { ...pod('c').metadata, deletionTimestamp: 'now' },
      }),
    ).to.deep.equal({ a: 3 });
  });

  it('a pod that does not respond keeps its last figures for 20 s, then has none', async () => {
    said = { a: stats(8) };
    await read(pod('a'));
    said = {};
    now = 19_000;
    expect(await read(pod('a'))).to.deep.equal({ a: 8 });
    now = 21_000;
    expect(await read(pod('a'))).to.deep.equal({});
  });

  it('pods are idle if all report it; a pod without a response may be busy', async () => {
    said = { a: stats(0, { idleSeconds: 50 }), b: stats(0, { idleSeconds: 20 }) };
    expect(await scorers.idleness([pod('a'), pod('b')])).to.deep.equal({ seconds: 20 });
    expect(await scorers.idleness([pod('a'), pod('c')])).to.deep.equal({ unansweredSeconds: 0 });
    now += 70_000;
    expect(await scorers.idleness([pod('a'), pod('c')]), 'c has not said for so long').to.deep.equal({
      unansweredSeconds: 70,
    });
    said.c = stats(0, { idleSeconds: 5 });
    expect(await scorers.idleness([pod('a'), pod('c')]), 'c says something').to.deep.equal({ seconds: 5 });
  });

  it('a warning of a pod is reported once, and found among the pods of its pipeline', async () => {
    const told: string[] = [];
    scorers = new Scorers(
      (address) => Promise.resolve(said[address]),
      () => now,
      ({ metadata }) => told.push(metadata.name),
    );
    said = { a: stats(0), b: stats(0, { warning: 'answers differed' }) };
    await scorers.sweep([pod('a'), pod('b'), pod('new', { phase: 'Pending' })]);
    await scorers.sweep([pod('a'), pod('b')]);
    expect(told).to.deep.equal(['b']);
    expect([scorers.warning([pod('a')]), scorers.warning([pod('a'), pod('b')])]).to.deep.equal([
      undefined,
      'answers differed',
    ]);
  });
  it('a warning is a short line of text, or none', () => {
    const figures = { concurrency: 0, requestsPerSecond: 0, idleSeconds: 0, phase: 'Ready' };
    expect(parseStats(JSON.stringify({ ...figures, warning: `a\n${'b'.repeat(5000)}` }))?.warning).to.match(
      /^a b{598}$/,
    );
    expect(parseStats(JSON.stringify({ ...figures, warning: { toString: 1 } }))).to.deep.equal(figures);
  });

  for (const text of [
    '',
    '{}',
    'null',
    '{"concurrency": "3"}',
    '{"concurrency": -1, "requestsPerSecond": 0, "idleSeconds": 0, "phase": "Ready"}',
  ]) {
    it(`${JSON.stringify(text)} is no figure`, () => expect(parseStats(text)).to.equal(undefined));
  }

  describe('over HTTP', () => {
    const servers: Server[] = [];
    afterEach(() => servers.splice(0).forEach((server) => server.close().closeAllConnections()));
    const ask = async (answer: Parameters<typeof createServer>[1]): Promise<ScorerStats | undefined> => {
      const server = createServer(answer).listen(0, '127.0.0.1');
      servers.push(server);
      await new Promise((resolve) => server.once('listening', resolve));
      return statsOverHttp((server.address() as AddressInfo).port)('127.0.0.1');
    };

    it('an answer is read', async () =>
      expect(await ask((_, response) => response.end(JSON.stringify(stats(2))))).to.include({ concurrency: 2 }));
    it('a response that never comes gives no stats', async () =>
      expect(await ask(() => undefined)).to.equal(undefined));
    it('a response that never ends is cut off', async () =>
      expect(
        await ask((_, response) => {
          response.write('x'.repeat(10_000));
        }),
      ).to.equal(undefined));
    it('an error is none', async () =>
      expect(await ask((_, response) => response.writeHead(503).end(JSON.stringify(stats(5))))).to.equal(undefined));
    it('a port without a listener gives no stats', async () =>
      expect(await statsOverHttp(1)('127.0.0.1')).to.equal(undefined));
  });
});
