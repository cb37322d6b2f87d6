/**
 * The activator's doors over real HTTP: its world is EndpointSlices in a cache, a pod on loopback, and an API that says
 * what a row wants.
 */
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect, createServer as createNetServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyHash } from '@penstock/server/auth';
import { Registry } from 'prom-client';
import { ActivatorListeners } from '../../../operator/activator/listeners.ts';
import { activatorMetrics } from '../../../operator/activator/metrics.ts';
import { ACTIVATOR_PORTS, type Activation } from '../../../operator/api/activation.ts';
import type { Slice } from '../../../operator/api/endpointSlices.ts';
import { activationOf, activatorSlice } from '../../../operator/desired/activator.ts';
import { effective } from '../../../operator/desired/effective.ts';
import { Cache } from '@penstock/kube/cache/cache';
import { KubeError } from '@penstock/kube/client/errors';
import { endpointSliceKeys } from '../../../operator/caches/indexes.ts';
import { jsonLogger } from '@penstock/server/logger';
import { freePort } from '../../../hack/cluster/ports.ts';
import { pipeline } from '../../support/fixtures/objects.ts';
import { waitFor } from '../../support/waitFor.ts';

const KEY = 'a-key';
interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

let slices: Cache<Slice>;
let doors: ActivatorListeners;
let pod: Server;
let onRequest: RequestListener;
let wakes: number;
let wakeFails: Error | undefined;
let condition: { status: string; reason: string; message: string } | undefined;
let questions: number;
let port: number;
let version: number;
let metrics: Registry;

const metadata = (name: string): Slice['metadata'] => ({
  name,
  namespace: 'ns',
  uid: name,
  resourceVersion: String(++version),
});

/** The operator writes the pipeline's slice. */
function announce(change: Partial<Activation> = {}): void {
  const slice = activatorSlice(
    pipeline(),
    { port, addresses: ['10.0.0.1'], addressType: 'IPv4' },
    { ...activationOf('iris-1', effective({ target: 'Development' }), []), ...change },
  );
  slices.put({ ...slice, metadata: { ...slice.metadata, ...metadata('iris-activator') } });
}
/** The control plane writes the Service's: these pods are Ready. */
function service(...addresses: string[]): void {
  slices.put({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    addressType: 'IPv4',
    metadata: {
      labels: { 'kubernetes.io/service-name': 'iris', 'penstock.dev/pipeline': 'iris' },
      ...metadata('iris-x'),
    },
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'http', port: (pod.address() as AddressInfo).port }],
  });
}

function ask(options: { method?: string; path?: string; headers?: Record<string, string>; body?: string } = {}): {
  answer: Promise<Answer>;
  leave: () => void;
} {
  const { method = 'POST', path = '/score', headers = {}, body = '{}' } = options;
  let leave = (): void => undefined;
  const answer = new Promise<Answer>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => (text += chunk))
        .on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: text }))
        .on('error', reject);
    });
    sent.on('error', reject).end(method === 'GET' ? undefined : body);
    leave = () => void sent.destroy();
  });
  answer.catch(() => undefined);
  return { answer, leave };
}
const counted = async (name: string, labels = ''): Promise<number> =>
  Number(new RegExp(`^${name}${labels.replace(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(await metrics.metrics())?.[1] ?? 0);
const held = (count: number): Promise<unknown> =>
  waitFor(async () => (await counted('penstock_activator_held_requests')) === count, 15_000, { what: `${count} held` });

const isShut = (at: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(at, '127.0.0.1')
      .once('connect', () => {
        probe.destroy();
        resolve(false);
      })
      .once('error', () => resolve(true));
  });

describe('the activator', function () {
  this.timeout(60_000);

  beforeEach(async () => {
    [version, wakes, questions, wakeFails, condition, port] = [
      1,
      0,
      0,
      undefined,
      { status: 'True', reason: 'Serving', message: '' },
      await freePort(ACTIVATOR_PORTS),
    ];
    onRequest = (_, response) => response.end('served');
    pod = createServer((question, response) => onRequest(question, response)).listen(0, '127.0.0.1');
    await once(pod, 'listening');
    slices = new Cache<Slice>(endpointSliceKeys);
    metrics = new Registry();
    doors = new ActivatorListeners({
      slices,
      metrics: activatorMetrics(metrics),
      logger: jsonLogger('silent'),
      onError: () => undefined,
      client: {
        scaleFromZero: () => (wakeFails ? Promise.reject(wakeFails) : Promise.resolve(++wakes === 1)),
        get: () =>
          ++questions && condition
            ? Promise.resolve({
                ...pipeline(),
                status: {
                  conditions: [{ type: 'Available', observedGeneration: 3, lastTransitionTime: '', ...condition }],
                },
              } as never)
            : Promise.reject(new KubeError(404, 'NotFound', 'gone')),
      },
    });
  });
  afterEach(() => {
    doors.stopAccepting();
    doors.closeConnections();
    pod.close();
    pod.closeAllConnections();
  });

  it('queues a request, scales up, and forwards request and response unchanged', async () => {
    announce();
    onRequest = (question, response) => {
      let body = '';
      question
        .on('data', (chunk: Buffer) => (body += chunk.toString()))
        .on('end', () => {
          response.writeHead(201, { 'x-penstock-revision': 'iris-1', 'set-cookie': ['a=1', 'b=2'] });
          response.end(
            JSON.stringify({ method: question.method, url: question.url, body, headers: question.rawHeaders }),
          );
        });
    };
    const { answer } = ask({
      path: '/score?x=1',
      headers: {
        'x-request-id': 'abc',
        traceparent: '00-1-2-01',
        'content-type': 'application/json',
        'x-UPPER': 'kept',
      },
      body: '{"data": [1]}',
    });
    await waitFor(() => Promise.resolve(wakes > 0), 2_000, { what: 'a wake' });
    service('127.0.0.1');
    const { status, headers, body } = await answer;
    const asked = JSON.parse(body) as { method: string; url: string; body: string; headers: string[] };
    expect([status, asked.method, asked.url, asked.body]).to.deep.equal([201, 'POST', '/score?x=1', '{"data": [1]}']);
    expect(asked.headers).to.include.members(['x-request-id', 'abc', 'traceparent', 'x-UPPER', 'kept']);
    expect(headers['set-cookie']).to.deep.equal(['a=1', 'b=2']);
    expect(headers.connection, 'so that the next request goes straight to the pod').to.equal('close');
    expect(await counted('penstock_activator_cold_start_seconds_count')).to.equal(1);
  });

  it('an answer that is not valid HTTP is a 502, and the next request is served', async () => {
    announce();
    pod.close();
    const raw = createNetServer((socket) =>
      socket.once('data', () => socket.end(answers.shift() ?? 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nserved')),
    ).listen(0, '127.0.0.1');
    await once(raw, 'listening');
    const hostile = [
      'HTTP/1.1 001 Boo\r\n\r\n',
      'HTTP/1.1 099 Boo\r\n\r\n',
      'HTTP/1.1 999 Boo\r\ncontent-length: 0\r\n\r\n',
      'HTTP/1.1 200 O\x01K\r\ncontent-length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nx: \x01\r\ncontent-length: 0\r\n\r\n',
      'nonsense\r\n\r\n',
    ];
    const answers = [...hostile];
    slices.put({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      addressType: 'IPv4',
      metadata: {
        labels: { 'kubernetes.io/service-name': 'iris', 'penstock.dev/pipeline': 'iris' },
        ...metadata('iris-x'),
      },
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
      ports: [{ name: 'http', port: (raw.address() as AddressInfo).port }],
    });
    for (const text of hostile) expect((await ask().answer).status, JSON.stringify(text)).to.equal(502);
    expect(await ask().answer).to.include({ status: 200, body: 'served' });
    raw.close();
  });

  it('the header Connection cannot remove headers that frame or authenticate a request', async () => {
    announce();
    service('127.0.0.1');
    onRequest = (question, response) =>
      void question.resume().on('end', () => response.end(JSON.stringify(question.headers)));
    const { body } = await ask({
      headers: {
        connection: 'content-length, authorization, host, x-own',
        authorization: 'Bearer a',
        'x-own': '1',
        'content-length': '2',
      },
    }).answer;
    expect(JSON.parse(body))
      .to.include({ authorization: 'Bearer a', 'content-length': '2' })
      .and.not.to.have.property('x-own');
  });

  it('streams: the client gets the first bytes before the pod has sent the last', async () => {
    announce();
    service('127.0.0.1');
    let goOn = (): void => undefined;
    onRequest = (_, response) => {
      response.write('data: one\n\n');
      goOn = () => response.end('data: two\n\n');
    };
    const heard: string[] = [];
    const sent = request({ host: '127.0.0.1', port, method: 'POST', agent: false }, (response) =>
      response.on('data', (chunk: Buffer) => heard.push(chunk.toString())),
    );
    sent.end('{}');
    await waitFor(() => Promise.resolve(heard.length === 1), 2_000, { what: 'the first part' });
    goOn();
    await waitFor(() => Promise.resolve(heard.join('') === 'data: one\n\ndata: two\n\n'), 2_000, { what: 'the rest' });
  });

  it('500 at once: none lost, one pod started, and the pod never has more in work than it takes', async () => {
    announce({ maxConcurrentRequests: 16 });
    let [atOnce, most] = [0, 0];
    onRequest = (_, response) => {
      most = Math.max(most, ++atOnce);
      setTimeout(() => {
        atOnce -= 1;
        response.end('served');
      }, 5);
    };
    const all = Array.from({ length: 500 }, () => ask().answer);
    await held(500);
    service('127.0.0.1');
    expect((await Promise.all(all)).filter(({ status, body }) => status === 200 && body === 'served')).to.have.length(
      500,
    );
    expect(most).to.equal(16);
    expect(await counted('penstock_activator_wakes_total')).to.equal(1);
    expect(doors.inFlight.count).to.equal(0);
  });

  it('above 1,000 queued requests: 503 with Retry-After; the others are served', async () => {
    announce();
    const all = Array.from({ length: 1000 }, () => ask().answer);
    await held(1000);
    const { status, headers } = await ask().answer;
    expect([status, headers['retry-after']]).to.deep.equal([503, '5']);
    service('127.0.0.1');
    expect((await Promise.all(all)).every((one) => one.status === 200)).to.equal(true);
  });

  it('without a valid key: 401, no scale-up, and nothing is queued', async () => {
    announce({ auth: 'Key', keyHashes: [keyHash(KEY)] });
    const flood = await Promise.all(
      Array.from(
        { length: 200 },
        (_, i) => ask({ headers: i % 2 ? { authorization: `Bearer wrong-${i}` } : {} }).answer,
      ),
    );
    expect(flood.every(({ status, headers }) => status === 401 && headers['www-authenticate'] === 'Bearer')).to.equal(
      true,
    );
    expect(flood[0]!.body).to.contain('with one of the two keys of this endpoint');
    expect([wakes, doors.inFlight.count]).to.deep.equal([0, 0]);
    const { answer } = ask({ headers: { authorization: `Bearer ${KEY}` } });
    await held(1);
    service('127.0.0.1');
    expect((await answer).status).to.equal(200);
  });

  it('health checks scale nothing up; they say whether a request would be served', async () => {
    announce({ auth: 'Key', keyHashes: [] });
    const said = async (path: string): Promise<unknown[]> => {
      const { status, body } = await ask({ method: 'GET', path }).answer;
      return [status, body];
    };
    expect(await said('/')).to.deep.equal([200, 'Healthy']);
    expect(await said('/v2/health/ready')).to.deep.equal([200, '{"live":true,"ready":true}']);
    condition = { status: 'False', reason: 'UserScriptInitFailed', message: '' };
    await sleep(1_100); // the API server is asked once a second
    expect(await said('/v2/health/ready')).to.deep.equal([503, '{"live":true,"ready":false}']);
    expect(await said('/v2/health/live')).to.deep.equal([200, '{"live":true}']);
    expect(wakes).to.equal(0);
  });

  for (const [exposeErrors, says] of [
    [true, 'UserScriptInitFailed: no such file (score.ts:3)'],
    [false, 'UserScriptInitFailed'],
  ] as const) {
    it(`a pod that cannot start: the client gets the reason within seconds, ${exposeErrors ? 'in the script’s words (Development)' : 'by one word (Production)'}`, async () => {
      announce({ exposeErrors });
      condition = { status: 'False', reason: 'UserScriptInitFailed', message: 'no such file (score.ts:3)' };
      const { status, headers, body } = await ask().answer;
      expect([status, headers['retry-after'], body]).to.deep.equal([
        503,
        '10',
        JSON.stringify({ message: `The endpoint cannot serve now: ${says}` }),
      ]);
      expect((await ask({ path: '/v2/models/iris/infer' }).answer).body).to.equal(
        JSON.stringify({ error: `The endpoint cannot serve now: ${says}` }),
      );
    });
  }

  it('an unschedulable pod is temporary: the request stays queued and is served', async () => {
    announce();
    condition = { status: 'False', reason: 'PodUnschedulable', message: '' };
    const { answer } = ask();
    await sleep(2_500);
    await held(1);
    service('127.0.0.1');
    expect((await answer).status).to.equal(200);
  });

  it('a pipeline that is deleted while a request waits: 404, and the port is closed later', async () => {
    announce();
    const { answer } = ask();
    await held(1);
    condition = undefined;
    slices.remove('ns/iris-activator');
    expect((await answer).status).to.equal(404);
    await waitFor(() => isShut(port), 8_000, { what: 'a shut door' });
  });

  it('minReplicas becomes 1: the port stays open for nodes that still send requests', async () => {
    announce();
    service('127.0.0.1');
    slices.remove('ns/iris-activator');
    expect((await ask().answer).status).to.equal(200);
  });

  it('a pod that is lost before it gets the request: the request gets 503 in time', async () => {
    announce();
    service('127.0.0.1');
    await new Promise((resolve) => pod.close(resolve));
    const { answer } = ask();
    await sleep(100);
    slices.put({
      ...slices.get('ns', 'iris-x')!,
      metadata: { ...slices.get('ns', 'iris-x')!.metadata, resourceVersion: String(++version) },
      endpoints: [],
    });
    condition = { status: 'False', reason: 'UserScriptInitFailed', message: '' };
    expect((await answer).status).to.equal(503);
    expect(wakes).to.be.above(0);
  });

  it('a pod that responds before it has read the body: the client gets the response', async () => {
    announce();
    service('127.0.0.1');
    onRequest = (question, response) => {
      response.writeHead(413, { 'content-type': 'application/json' }).end('{"message":"too large"}');
      question.resume();
    };
    for (let i = 0; i < 20; i++)
      expect(await ask({ body: Buffer.alloc(8 << 20, 'x').toString() }).answer).to.deep.include({
        status: 413,
        body: '{"message":"too large"}',
      });
  });

  it('a client without a key that never ends its body: the connection is closed after ten seconds', async () => {
    announce({ auth: 'Key', keyHashes: [] });
    const socket = connect(port, '127.0.0.1');
    let said = '';
    socket.on('data', (chunk: Buffer) => (said += chunk.toString())).on('error', () => undefined);
    socket.write('POST /score HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n');
    const drip = setInterval(() => socket.write('x'), 500);
    const begun = performance.now();
    await new Promise((resolve) => socket.once('close', resolve)); // by a reset, if a drip was on its way
    clearInterval(drip);
    expect(said).to.match(/^HTTP\/1.1 401/);
    expect(performance.now() - begun).to.be.below(14_000);
  });

  it('an incomplete head gets 408 after ten seconds; a connection without any byte gets no response', async () => {
    announce();
    const heard = ['POST /score HTTP/1.1\r\n', ''].map(async (start) => {
      let text = '';
      const socket = connect(port, '127.0.0.1').on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.write(start);
      await once(socket, 'close');
      return text;
    });
    expect(await heard[0]).to.match(/^HTTP\/1\.1 408 .*"message"/s);
    expect(await heard[1]).to.equal('');
  });

  it('a request without a body yet is forwarded, because the pod checks its time', async () => {
    announce();
    service('127.0.0.1');
    const arrived = new Promise<string>(
      (resolve) => (onRequest = (question) => resolve(question.headers['content-length']!)),
    );
    const socket = connect(port, '127.0.0.1');
    socket.write('POST /score HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n');
    expect(await arrived).to.equal('5');
    socket.destroy();
  });

  it('a second slice with the same port, or a slice without a pipeline, opens no port', async () => {
    announce();
    const mine = slices.get('ns', 'iris-activator')!;
    const theirs = (name: string, ownerReferences: Slice['metadata']['ownerReferences'] & object): Slice => ({
      ...mine,
      metadata: {
        ...mine.metadata,
        ...metadata(name),
        creationTimestamp: '2099-01-01T00:00:00Z',
        ownerReferences,
        labels: { ...mine.metadata.labels, 'kubernetes.io/service-name': 'other', 'penstock.dev/pipeline': 'other' },
      },
    });
    slices.put(theirs('late', [{ ...mine.metadata.ownerReferences![0]!, name: 'other' }]));
    slices.put({ ...theirs('nobodys', []), ports: [{ name: 'http', port: port + 1 }] });
    service('127.0.0.1');
    expect((await ask().answer).body).to.equal('served');
    await waitFor(() => isShut(port + 1), 1_000, { what: 'a door that never opened' });
  });

  it('many health checks: one read of the API server in a second', async () => {
    announce();
    const all = await Promise.all(Array.from({ length: 200 }, () => ask({ method: 'GET', path: '/' }).answer));
    expect(all.every(({ status }) => status === 200)).to.equal(true);
    expect(questions).to.be.below(10);
  });

  it('a client that disconnects leaves the queue; without clients no pod is started', async () => {
    announce();
    const { leave } = ask();
    await held(1);
    leave();
    await held(0);
    await sleep(1_200);
    const before = wakes;
    await sleep(1_500);
    expect([wakes, doors.inFlight.count]).to.deep.equal([before, 0]);
  });

  it('a pod that is gone: the request is kept, and the Deployment is scaled up again', async () => {
    announce();
    service('127.0.0.1');
    const was = (pod.address() as AddressInfo).port;
    await new Promise((resolve) => pod.close(resolve));
    const { answer } = ask();
    await waitFor(() => Promise.resolve(wakes > 0), 3_000, { what: 'a wake' });
    pod.listen(was, '127.0.0.1');
    expect((await answer).status).to.equal(200);
  });

  it('an API server that does not answer is asked again', async () => {
    announce();
    wakeFails = new Error('no route');
    const { answer } = ask();
    await sleep(1_200);
    wakeFails = undefined;
    await waitFor(() => Promise.resolve(wakes > 0), 3_000, { what: 'a wake' });
    service('127.0.0.1');
    expect((await answer).status).to.equal(200);
  });

  it('a connection to the pod that breaks after the request was sent: 502, and no second run', async () => {
    announce();
    service('127.0.0.1');
    let runs = 0;
    onRequest = (question) => {
      runs += 1;
      question.socket.destroy();
    };
    expect((await ask().answer).status).to.equal(502);
    expect(runs).to.equal(1);
  });

  it('bodies of queued requests are not read: 200 of 4 MiB take less than 128 KiB each', async () => {
    announce();
    const before = process.memoryUsage().rss;
    let bytes = 0;
    onRequest = (question, response) =>
      void question.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('end', () => response.end('served'));
    const clients = spawn(
      process.execPath,
      [
        '-e',
        `
      const body = Buffer.alloc(4 << 20);
      const one = () => new Promise((resolve, reject) => require('node:http').request({ host: '127.0.0.1', port: ${port}, path: '/score', method: 'POST', agent: false }, (response) => resolve(response.resume().statusCode)).on('error', reject).end(body));
      Promise.all(Array.from({ length: 200 }, one)).then((all) => process.exit(all.every((status) => status === 200) ? 0 : 1));`,
      ],
      { stdio: 'inherit' },
    );
    const ended = once(clients, 'exit');
    await held(200);
    await sleep(500);
    const grown = process.memoryUsage().rss - before;
    service('127.0.0.1');
    expect(await ended).to.deep.equal([0, null]);
    expect(bytes).to.equal(200 * (4 << 20));
    expect(grown).to.be.below(200 * (128 << 10));
  });

  it('a port in use is not opened, and is opened when it is free', async () => {
    const other = createServer().listen(port);
    announce();
    await sleep(100);
    expect(doors.notReadyReason).to.equal(undefined);
    await new Promise((resolve) => other.close(resolve));
    service('127.0.0.1');
    await waitFor(
      () =>
        ask().answer.then(
          ({ status }) => status === 200,
          () => false,
        ),
      5_000,
      { what: 'an open door' },
    );
  });

  it('a pipeline whose port belongs to an older one gets another port; requests on the old one are served', async () => {
    announce();
    const { answer } = ask();
    await held(1);
    slices.put({
      ...activatorSlice(
        { ...pipeline(), metadata: { ...pipeline().metadata, name: 'older' } },
        { port, addresses: [], addressType: 'IPv4' },
        activationOf('older-1', effective({ target: 'Development' }), []),
      ),
      metadata: { ...metadata('older-activator'), creationTimestamp: '2020-01-01T00:00:00Z' },
    });
    slices.put({
      ...slices.get('ns', 'iris-activator')!,
      metadata: { ...slices.get('ns', 'iris-activator')!.metadata, resourceVersion: String(++version) },
    }); // the operator has seen it, and has not moved it yet
    await sleep(100);
    port = await freePort(ACTIVATOR_PORTS);
    announce();
    service('127.0.0.1');
    expect((await answer).status).to.equal(200);
    expect((await ask().answer).status, 'at the new one').to.equal(200);
  });
});
