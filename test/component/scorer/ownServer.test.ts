/** An endpoint whose requests a server of the user's own answers, behind the scorer. */
import { ENV } from '@penstock/contract';
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { freePort } from '../../../hack/cluster/ports.ts';
import { answersWith, ready, scorerPerTest, type Scorer } from '../../support/fixtures/scorer.ts';
import { waitFor } from '../../support/waitFor.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => unknown;

describe('a server of the user’s own', function () {
  this.timeout(30_000);
  let scorer: Scorer;
  let server: Server | undefined;
  const startScorer = scorerPerTest();
  function stopServer(): void {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
  }
  afterEach(stopServer);

  /** The paths that were requested, beside the readiness path. */
  const paths: string[] = [];
  async function listen(handle: Handler, port = 0): Promise<number> {
    paths.length = 0;
    const listener: RequestListener = (request, response) => {
      if (request.url === '/live') return response.end('ok');
      paths.push(`${request.method} ${request.url}`);
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => handle(request, response, Buffer.concat(chunks)));
    };
    server = createServer(listener).listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }
  const start = (port: number, env: object = {}, until = ready) =>
    startScorer(
      {
        env: {
          [ENV.server]: JSON.stringify({ port, path: '/predict', readinessPath: '/live' }),
          [ENV.models]: '[]',
          ...env,
        },
      },
      until,
    );
  async function behind(handle: Handler, env: object = {}): Promise<void> {
    scorer = await start(await listen(handle), env);
  }
  const post = (body: string | Buffer, headers: Record<string, string> = {}, path = '/score') =>
    fetch(scorer.url + path, { method: 'POST', body, headers });
  const echo: Handler = ({ headers }, response, body) =>
    response.end(JSON.stringify({ headers, body: body.toString('base64') }));
  const echoed = async (answer: Response) => (await answer.json()) as { headers: Record<string, string>; body: string };

  it('gets method, query, headers and body', async () => {
    await behind(echo);
    const { headers, body } = await echoed(
      await post(Buffer.from([0, 255]), { 'x-team': 'a', 'content-type': 'image/png' }, '/score?top=3'),
    );
    expect(body).to.equal('AP8=');
    expect(headers).to.include({ 'x-team': 'a', 'content-type': 'image/png', 'content-length': '2' });
    expect(headers['x-request-id']).to.match(/^[-0-9a-f]{36}$/);
    expect((await fetch(`${scorer.url}/score?a=1`)).status).to.equal(200);
    expect((await post('x', {}, '/invocations')).status).to.equal(200);
    expect(paths).to.deep.equal(['POST /predict?top=3', 'GET /predict?a=1', 'POST /predict']);
  });

  it('gets no key of the endpoint', async () => {
    scorer = await start(await listen(echo), { [ENV.auth]: 'Key' }, () => Promise.resolve());
    const key = 'k'.repeat(40);
    scorer.traffic({ revisions: {}, keyHashes: [createHash('sha256').update(key).digest('hex')] });
    await ready(scorer);
    const { headers } = await echoed(await post('x', { authorization: `Bearer ${key}`, cookie: 'a=b', 'x-own': '1' }));
    expect(headers).to.include({ 'x-own': '1' }).and.not.to.have.any.keys('authorization', 'cookie');
    expect((await post('x')).status).to.equal(401);
  });

  it('gets an unpacked body', async () => {
    await behind(echo);
    const { headers, body } = await echoed(await post(gzipSync('abc'), { 'content-encoding': 'gzip' }));
    expect(Buffer.from(body, 'base64').toString()).to.equal('abc');
    expect(headers).not.to.have.property('content-encoding');
  });

  it('its status, headers and body are the response', async () => {
    await behind((_, response) =>
      response
        .writeHead(418, { 'content-type': 'text/tea', 'x-leaf': 'green', 'x-request-id': 'mine', connection: 'close' })
        .end('short and stout'),
    );
    const answer = await post('x', { 'x-request-id': 'theirs' });
    expect([answer.status, await answer.text()]).to.deep.equal([418, 'short and stout']);
    expect(Object.fromEntries(answer.headers)).to.include({
      'content-type': 'text/tea',
      'x-leaf': 'green',
      'x-request-id': 'theirs',
    });
    expect(answer.headers.get('x-ms-run-function-failed')).to.equal('False');
  });

  it('its chunks are sent on at once', async () => {
    let finish: () => void = () => undefined;
    await behind((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      finish = () => response.end('data: 2\n\n');
    });
    const answer = await post('x');
    const reader = answer.body!.getReader();
    expect(Buffer.from((await reader.read()).value).toString()).to.equal('data: 1\n\n');
    finish();
    expect(Buffer.from((await reader.read()).value).toString()).to.equal('data: 2\n\n');
    expect((await reader.read()).done).to.equal(true);
  });

  it('its large responses arrive whole', async () => {
    const large = Buffer.alloc(5 * 2 ** 20, 'abcdefg');
    await behind((_, response) => response.end(large));
    for (let i = 0; i < 3; i++)
      expect(Buffer.from(await (await post('x')).arrayBuffer()).equals(large), `response ${i}`).to.equal(true);
  });

  it('has at most maxConcurrentRequests at the same time', async () => {
    let [running, most] = [0, 0];
    await behind(
      (_, response, body) => {
        most = Math.max(most, ++running);
        setTimeout(() => {
          running -= 1;
          response.end(body);
        }, 20);
      },
      { [ENV.maxConcurrentRequests]: '3', [ENV.maxQueueWaitMs]: '30000', [ENV.requestTimeoutMs]: '30000' },
    );
    const bodies = Array.from({ length: 30 }, (_, i) => `request ${i}`);
    const answers = await Promise.all(bodies.map(async (body) => (await post(body)).text()));
    expect(answers).to.deep.equal(bodies);
    expect(most).to.equal(3);
  });

  it('the endpoint is Ready when it is', async () => {
    const port = await freePort();
    scorer = await start(port, { [ENV.initTimeoutMs]: '20000' }, (one) => answersWith(one, '/livez', 200));
    expect((await fetch(`${scorer.operator}/readyz`)).status).to.equal(503);
    await listen(echo, port);
    await ready(scorer);
    expect((await post('x')).status).to.equal(200);
  });

  it('the scorer ends where it is not ready within initTimeout', async () => {
    const port = await freePort();
    scorer = await start(port, { [ENV.initTimeoutMs]: '500' }, () => Promise.resolve());
    expect(await scorer.exited).to.equal(3);
    expect(scorer.log()).to.contain('UserScriptInitTimeout');
  });

  it('a connection that it closes is 502, and it gets the next request', async () => {
    let closing = true;
    await behind((request, response) => {
      if (closing) request.socket.destroy();
      else response.end('ok');
    });
    const answer = await post('x');
    expect([answer.status, await answer.text()]).to.deep.equal([
      502,
      '{"message":"the server container gave no response: Error: socket hang up"}',
    ]);
    closing = false;
    expect((await post('x')).status).to.equal(200);
  });

  it('it serves on after it was restarted', async () => {
    const port = await listen(echo);
    scorer = await start(port);
    stopServer();
    expect((await post('x')).status).to.equal(502);
    await answersWith(scorer, '/readyz', 503);
    await listen(echo, port);
    await ready(scorer);
    expect((await post('x')).status).to.equal(200);
  });

  it('a response that HTTP does not allow is 502, and the next one is served', async () => {
    let raw = 'HTTP/1.1 600 Odd\r\ncontent-length: 2\r\n\r\nxx';
    await behind((request, response) => (raw === '' ? response.end('ok') : request.socket.write(raw)), {
      [ENV.maxConcurrentRequests]: '1',
    });
    const answer = await post('x');
    expect([answer.status, await answer.text()]).to.deep.equal([
      502,
      '{"message":"the response of the server container is not usable: Error: a response cannot have status 600"}',
    ]);
    raw = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n';
    expect((await post('x')).status).to.equal(502);
    raw = '';
    await ready(scorer);
    expect((await post('x')).status).to.equal(200);
  });

  it('a server that takes one connection at a time is served', async () => {
    const port = await listen(echo);
    server!.maxConnections = 1;
    scorer = await start(port, { [ENV.maxConcurrentRequests]: '1', [ENV.maxQueueWaitMs]: '10000' });
    for (let i = 0; i < 3; i++) expect((await post('x')).status).to.equal(200);
  });

  it('a response that it breaks off is broken off', async () => {
    await behind((request, response) => {
      response.writeHead(200).write('the first half');
      setTimeout(() => request.socket.destroy(), 50);
    });
    const outcome = await post('x')
      .then((answer) => answer.text())
      .catch(() => 'broken off');
    expect(outcome).to.equal('broken off');
    await waitFor(() => Promise.resolve(scorer.log().includes('the response broke off') || undefined), 5_000, {
      what: () => 'a line of the log',
    });
  });

  it('a client that leaves frees its place', async () => {
    await behind(
      (request, response) => {
        if (request.headers['x-endless'] === undefined) return response.end('ok');
        const timer = setInterval(() => response.write('x'.repeat(1000)), 1);
        response.once('close', () => clearInterval(timer));
      },
      { [ENV.maxConcurrentRequests]: '1', [ENV.maxQueueWaitMs]: '10000' },
    );
    const leaving = new AbortController();
    const endless = await fetch(`${scorer.url}/score`, {
      method: 'POST',
      body: 'x',
      headers: { 'x-endless': '1' },
      signal: leaving.signal,
    });
    await endless.body!.getReader().read();
    leaving.abort();
    expect((await post('x')).status).to.equal(200);
  });

  it('a request without a response is 504, and its place is free again', async () => {
    let hang = true;
    await behind((_, response) => (hang ? undefined : response.end('ok')), {
      [ENV.maxConcurrentRequests]: '1',
      [ENV.maxQueueWaitMs]: '20000',
      [ENV.requestTimeoutMs]: '500',
      PENSTOCK_LEAST_HANG_MS: '1000',
    });
    expect((await post('x')).status).to.equal(504);
    hang = false;
    await waitFor(async () => ((await post('x')).status === 200 ? true : undefined), 15_000, {
      what: () => 'no request got a place again',
    });
    expect(scorer.log()).to.contain('another worker starts');
    expect(scorer.process.exitCode).to.equal(null);
  });

  it('a tensor request is 501', async () => {
    await behind(echo, {
      [ENV.models]: JSON.stringify([
        { name: 'iris', modelVersion: 'iris-1', version: '1', format: 'Files', digest: 'sha256:x' },
      ]),
    });
    const answer = await post('{"inputs": []}', {}, '/v2/models/iris/infer');
    expect([answer.status, await answer.text()]).to.deep.equal([
      501,
      '{"error":"this endpoint has a server of its own, which gets requests to /score and /invocations only"}',
    ]);
    expect(paths).to.deep.equal([]);
  });

  it('is restarted only after it has not answered for a minute', async () => {
    const port = await listen(echo);
    scorer = await start(port);
    stopServer();
    expect((await post('x')).status).to.equal(502);
    expect((await fetch(`${scorer.operator}/readyz`)).status).to.equal(503);
    expect((await fetch(`${scorer.operator}/serverz`)).status).to.equal(200);
  });

  it('of several that ask when it may end, two wait', async () => {
    await behind(echo);
    const asked = Array.from({ length: 3 }, () => fetch(`${scorer.operator}/drainedz`).then(({ status }) => status));
    expect(await Promise.race(asked)).to.equal(503);
    scorer.process.kill('SIGTERM');
    expect((await Promise.all(asked)).sort()).to.deep.equal([200, 200, 503]);
  });

  it('is told when it may end: after the last request', async () => {
    let finish: () => void = () => undefined;
    await behind((_, response) => (finish = () => response.end('late')));
    const order: string[] = [];
    const drained = fetch(`${scorer.operator}/drainedz`).then(({ status }) => order.push(`drained ${status}`));
    const scored = post('x').then(async (answer) => order.push(await answer.text()));
    await waitFor(() => Promise.resolve(paths[0]), 5_000, { what: () => 'the request arrives' });
    scorer.process.kill('SIGTERM');
    await sleep(300);
    expect(order).to.deep.equal([]);
    finish();
    await Promise.all([drained, scored]);
    expect(order).to.deep.equal(['late', 'drained 200']);
    expect(await scorer.exited).to.equal(0);
  });
});
