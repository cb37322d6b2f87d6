/** Bodies that come and go piece by piece: answers of a script's ReadableStream, and uploads that are large or slow. */
import { expect } from 'chai';
import http from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { scorerPerTest, type Scorer } from '../../support/fixtures/scorer.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('the result of run()', function () {
  this.timeout(60_000);
  let scorer: Scorer;
  const start = scorerPerTest();
  const post = (body: string, init: RequestInit = {}) =>
    fetch(`${scorer.url}/score`, { method: 'POST', body, ...init });
  const state = async () => (await (await post('made')).json()) as { made: number; cancelled: number };
  const metrics = async (): Promise<string> => (await fetch(`${scorer.operator}/metrics`)).text();

  it('is JSON: typed arrays are lists, 64-bit integers exact, dates texts', async () => {
    scorer = await start({ script: 'results.ts' });
    const rows: [string, string][] = [
      ['floats', '{"p":[0.5,null]}'],
      ['bigints', '{"label":[1,9007199254740993],"one":18446744073709551615}'],
      ['tensor', '{"label":{"datatype":"INT64","shape":[1],"data":[3]}}'],
      ['bytes', '{"bytes":[0,255],"buffer":[1,2]}'],
      ['date', '{"at":"1970-01-01T00:00:00.000Z"}'],
      ['deep', '[[[{"a":[[-1]]}]]]'],
    ];
    for (const [name, expected] of rows) expect(await (await post(name)).text(), name).to.equal(expected);
    expect(
      (await (await post('long')).text()) === JSON.stringify(['ab🎬'.repeat(1_000_000), 'c']),
      'a long text in pieces',
    ).to.equal(true);
  });

  it('a complete Response has a content-length; a streamed one is sent in chunks', async () => {
    scorer = await start({ script: 'results.ts' });
    const whole = await post('whole');
    expect([whole.status, whole.headers.get('content-length'), await whole.text()]).to.deep.equal([
      201,
      '8',
      'as it is',
    ]);
    const seen: number[] = [];
    const answer = await post('events');
    expect(answer.headers.get('content-type')).to.equal('text/event-stream');
    let text = '';
    for await (const chunk of answer.body!) {
      seen.push(performance.now());
      text += Buffer.from(chunk as Uint8Array).toString();
    }
    expect(text).to.equal([1, 2, 3, 4, 5].map((i) => `data: ${i}\n\n`).join(''));
    expect(seen.at(-1)! - seen[0]!, 'the first was out long before the last').to.be.greaterThan(150);
    expect(await metrics())
      .to.match(/penstock_requests_total\{code="200",[^}]*\} 1\n/)
      .and.to.match(/penstock_requests_in_progress\{[^}]*\} 0/);
  });

  it('waits for a slow client, and ends when it disconnects', async () => {
    scorer = await start({ script: 'results.ts' });
    const slow = http.request(`${scorer.url}/score`, { method: 'POST' }).end('large');
    const answer = await new Promise<http.IncomingMessage>((resolve) => slow.once('response', resolve));
    await sleep(500);
    expect((await state()).made, 'not all 400 pieces are made ahead').to.be.below(200);
    let bytes = 0;
    for await (const chunk of answer) bytes += (chunk as Buffer).length;
    expect(bytes).to.equal(400 * 65_536);
    const leaving = new AbortController();
    await (await post('endless', { signal: leaving.signal })).body!.getReader().read();
    leaving.abort();
    await waitFor(async () => (await state()).cancelled === 1);
    expect(await metrics()).to.match(/penstock_requests_in_progress\{[^}]*\} 0/);
  });

  it('has requestTimeout between two chunks; a broken stream does not look complete', async () => {
    scorer = await start({ script: 'results.ts', env: { PENSTOCK_REQUEST_TIMEOUT_MS: '500' } });
    for (const name of ['silent', 'breaks']) {
      const answer = await post(name);
      expect(answer.status).to.equal(200);
      expect(await answer.text().catch(() => 'broken'), name).to.equal('broken');
    }
    expect((await post('events')).ok, 'others are served on').to.equal(true);
  });

  it('a client that reads slowly gets the whole response', async () => {
    scorer = await start({ script: 'results.ts' });
    const request = http.request(`${scorer.url}/score`, { method: 'POST' }).end('large');
    const answer = await new Promise<http.IncomingMessage>((resolve) => request.once('response', resolve));
    let bytes = 0;
    for await (const chunk of answer) {
      bytes += (chunk as Buffer).length;
      await sleep((chunk as Buffer).length / 2200); // some 12 s in all
    }
    expect(bytes).to.equal(400 * 65_536);
  });

  it('a client that reads nothing of a large response is disconnected', async () => {
    const large = "export const init = () => {}; export const run = () => 'x'.repeat(32 * 2 ** 20);";
    scorer = await start({ script: 'large.ts', files: { 'large.ts': large } });
    const socket = connect(Number(new URL(scorer.url).port), '127.0.0.1')
      .pause()
      .on('error', () => undefined);
    socket.write('POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1');
    const inProgress = async () => /penstock_requests_in_progress\{.*\} (\d)/.exec(await metrics())![1];
    await waitFor(async () => (await inProgress()) === '1');
    await waitFor(async () => (await inProgress()) === '0', 40_000);
    socket.resume();
    let bytes = 0;
    for await (const chunk of socket) bytes += (chunk as Buffer).length;
    expect(bytes, 'it closed before the response was complete').to.be.below(32 * 2 ** 20);
  });

  it('frees its slot when the client of a silent stream disconnects', async () => {
    scorer = await start({ script: 'results.ts', env: { PENSTOCK_MAX_CONCURRENT_REQUESTS: '2' } });
    for (let i = 0; i < 4; i++) {
      const leaving = new AbortController();
      await (await post('silent', { signal: leaving.signal })).body!.getReader().read();
      leaving.abort();
    }
    await waitFor(async () => (await post('whole')).status === 201, 3_000);
  });

  it('chunks are bytes or texts; another type breaks only that response', async () => {
    scorer = await start({ script: 'results.ts' });
    expect(await (await post('texts')).text()).to.equal('one two');
    expect(await (await post('numbers')).text().catch(() => 'broken')).to.equal('broken');
    expect(scorer.log())
      .to.contain('the response broke off')
      .and.to.contain('must give Uint8Array or string, not number');
    expect((await post('whole')).status).to.equal(201);
  });

  it('may be the answer to scoring.test', async () => {
    scorer = await start({ script: 'results.ts', env: { PENSTOCK_TEST: JSON.stringify({ request: 'long' }) } });
    expect(((await (await fetch(`${scorer.operator}/stats`)).json()) as { inFlight: number }).inFlight).to.equal(0);
  });

  it('is sent completely after SIGTERM', async () => {
    scorer = await start({ script: 'results.ts' });
    const answer = await post('events');
    scorer.process.kill('SIGTERM');
    expect(await answer.text()).to.contain('data: 5');
    expect(await scorer.exited).to.equal(0);
  });
});

describe('uploads', function () {
  this.timeout(90_000);
  let scorer: Scorer;
  const start = scorerPerTest();
  const raw = (head: string, body: Buffer, { everyMs = 0, chunk = body.length } = {}): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ port: Number(new URL(scorer.url).port), host: '127.0.0.1' }, () => {
        socket.write(head);
        void (async () => {
          for (let at = 0; at < body.length && !socket.destroyed; at += chunk) {
            if (!socket.write(body.subarray(at, at + chunk)))
              await new Promise((drained) => socket.once('drain', drained).once('close', drained));
            if (everyMs > 0) await sleep(everyMs);
          }
        })();
      });
      let text = '';
      socket
        .on('data', (data: Buffer) => (text += data.toString()))
        .on('error', () => undefined)
        .on('close', () => resolve(text));
      setTimeout(() => socket.destroy(), 16_000).unref();
    });

  it('a body above endpoint.maxRequestBytes gets 413, and its client receives the response, also with Connection: close', async () => {
    scorer = await start({ script: 'echo.ts', env: { PENSTOCK_MAX_REQUEST_BYTES: '1000000' } });
    expect((await fetch(`${scorer.url}/score`, { method: 'POST', body: 'x'.repeat(1_000_000) })).status).to.equal(200);
    const body = Buffer.alloc(20_000_000, 'x');
    for (const connection of ['close', 'keep-alive']) {
      const answer = raw(
        `POST /score HTTP/1.1\r\nhost: x\r\nconnection: ${connection}\r\ncontent-length: ${body.length}\r\n\r\n`,
        body,
      );
      if (connection === 'close')
        expect(await answer, connection).to.match(
          /^HTTP\/1\.1 413 .*larger than 1000000 bytes \(endpoint\.maxRequestBytes\)/s,
        );
    }
    expect(
      (
        await fetch(`${scorer.url}/score`, {
          method: 'POST',
          body: gzipSync(Buffer.alloc(2_000_000)),
          headers: { 'content-encoding': 'GZIP' },
        })
      ).status,
    ).to.equal(413);
  });

  it('a slow but steady upload is accepted', async () => {
    scorer = await start({ script: 'echo.ts' });
    const body = Buffer.alloc(240_000, 'x');
    const answer = await raw(
      `POST /score HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`,
      body,
      { everyMs: 500, chunk: 10_000 },
    );
    expect(answer).to.match(/^HTTP\/1\.1 200 /);
  });

  it('Content-Encoding is case-insensitive, and a slash at the end of the path is allowed', async () => {
    scorer = await start({ script: 'echo.ts' });
    for (const encoding of ['GZIP', 'x-gzip', ' Gzip']) {
      const answer = await fetch(`${scorer.url}/score/`, {
        method: 'POST',
        body: gzipSync('{"a":1}'),
        headers: { 'content-encoding': encoding },
      });
      expect(await answer.json(), encoding).to.include({ rawData: '{"a":1}' });
    }
  });
});
