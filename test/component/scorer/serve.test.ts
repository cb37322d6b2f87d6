/** The scorer over real HTTP, as one process with its worker thread. */
import { createHash } from 'node:crypto';
import { ENV, LOG_MESSAGE, type ScorerStats } from '@penstock/contract';
import { expect } from 'chai';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnx } from '../../support/fixtures/onnx.ts';
import {
  answers,
  answersWith,
  ready,
  scorerPerTest,
  type Scorer,
  type ScorerInput,
} from '../../support/fixtures/scorer.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('a scorer process', function () {
  this.timeout(60_000);
  let scorer: Scorer;
  const startAnd = scorerPerTest();
  const start = async (input: ScorerInput): Promise<Scorer> => (scorer = await startAnd(input));
  const exits = async (input: ScorerInput): Promise<number | null> =>
    (scorer = await startAnd(input, async () => {})).exited;
  const stats = async () => (await (await fetch(`${scorer.operator}/stats`)).json()) as ScorerStats;
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${scorer.url}${path}`, { method: 'POST', body, headers });

  describe('without code', () => {
    it('answers like scikit-learn, by both protocols', async () => {
      await start({});
      const score = (await (await post('/score', JSON.stringify({ data: answers.data }))).json()) as {
        label: number[];
        probabilities: number[][];
      };
      expect(score.label).to.deep.equal(answers.label);
      for (const [i, row] of score.probabilities.entries())
        for (const [j, p] of row.entries()) expect(p).to.be.closeTo(answers.probabilities[i]![j]!, 1e-4);
      const besides = await post(
        '/score',
        JSON.stringify({ data: answers.data, method: 'predict', GlobalParameters: 1 }),
      );
      expect(
        ((await besides.json()) as typeof score).label,
        'what Azure’s clients send beside data is ignored',
      ).to.deep.equal(answers.label);
      const infer = await post(
        '/v2/models/iris/versions/1/infer',
        JSON.stringify({
          id: 'seven',
          inputs: [{ name: 'X', shape: [150, 4], datatype: 'FP32', data: answers.data.flat() }],
          outputs: [{ name: 'label' }],
        }),
      );
      expect(await infer.json()).to.deep.equal({
        model_name: 'iris',
        model_version: '1',
        id: 'seven',
        outputs: [{ name: 'label', datatype: 'INT64', shape: [150], data: answers.label }],
      });
    });
    const predictions = { label: answers.label.slice(0, 2) };
    const names = ['sepal length', 'sepal width', 'petal length', 'petal width'];
    const record = (row: number[]) => Object.fromEntries(names.map((name, i) => [name, row[i]]));
    const [first, second] = answers.data as [number[], number[]];
    const mlflow: [string, unknown, RegExp?][] = [
      ['instances', { instances: [first, second] }],
      ['instances, by name', { instances: [{ X: first }, { X: second }] }],
      ['inputs', { inputs: [first, second], params: {} }],
      ['inputs, by name', { inputs: { X: [first, second] } }],
      ['dataframe_split', { dataframe_split: { columns: names, data: [first, second] } }],
      [
        'records, whose columns have no order without names of features',
        { dataframe_records: [record(first), record(second)] },
        /the model has no names of features/,
      ],
      [
        'two at once',
        { inputs: [first], instances: [first] },
        /exactly one of inputs, instances, dataframe_split, dataframe_records/,
      ],
      ['params', { inputs: [first], params: { temperature: 1 } }, /an ONNX model has no params/],
      [
        'records that differ',
        { dataframe_records: [record(first), { other: 1 }] },
        /dataframe_records\[1\] must have the keys of the first: sepal length/,
      ],
      ['records that are none', { dataframe_records: [1, 2] }, /dataframe_records\[0\] must be an object/],
      [
        'a split with more values than columns',
        { dataframe_split: { columns: ['a'], data: [first] } },
        /dataframe_split\.data\[0\] has 4 values, there are 1 columns/,
      ],
      [
        'columns that are no names',
        { dataframe_split: { columns: [{ toString: 1 }], data: [[1]] } },
        /columns must be names/,
      ],
      ['rows of another width', { instances: [[1, 2]] }, /input X has the shape \[1,2\]: expected .*X: FP32\[-1,4\]/],
    ];
    it('answers /invocations in each of MLflow’s formats', async () => {
      await start({});
      for (const [what, body, refusal] of mlflow) {
        const answer = await post('/invocations', JSON.stringify(body), { 'content-type': 'application/json' });
        const json = (await answer.json()) as { predictions?: { label: number[] }; message?: string };
        expect(answer.status, what).to.equal(refusal ? 400 : 200);
        if (refusal) expect(json.message, what).to.match(refusal);
        else expect({ label: json.predictions!.label }, what).to.deep.equal(predictions);
      }
      expect((await post('/invocations', 'a,b', { 'content-type': 'text/csv' })).status).to.equal(415);
      expect((await fetch(`${scorer.url}/invocations`)).status).to.equal(405);
    });
    it('a data frame for several inputs: a column each', async () => {
      const column = (name: string) => ({ name, datatype: 'FP32', shape: [-1, 1] });
      await start({
        model: {
          name: 'sum',
          bytes: onnx({
            inputs: [column('a'), column('b')],
            outputs: [column('c')],
            nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['c'] }],
          }),
        },
      });
      for (const body of [
        {
          dataframe_split: {
            columns: ['b', 'a'],
            data: [
              [1, 2],
              [3, 4],
            ],
          },
        },
        {
          dataframe_records: [
            { a: 1, b: 2 },
            { a: 3, b: 4 },
          ],
        },
      ]) {
        expect(
          await (await post('/invocations', JSON.stringify(body), { 'content-type': 'application/json' })).json(),
        ).to.deep.equal({ predictions: { c: [[3], [7]] } });
      }
    });
    it('has metadata', async () => {
      const { url } = await start({});
      const get = async (path: string) => (await fetch(url + path)).json();
      expect(await (await fetch(url)).text()).to.equal('Healthy');
      expect(await get('/v2/models/iris')).to.deep.include({
        platform: 'onnx_onnxv1',
        inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 4] }],
      });
      expect(await get('/v2/health/ready')).to.deep.equal({ live: true, ready: true });
      expect((await fetch(`${url}/v2/models/rose`)).status).to.equal(404);
      for (const path of ['/v2/models/%zz/infer', '/v2/models/%zz', '/%'])
        expect((await post(path, '{}')).status, path).to.be.within(400, 404);
    });
  });

  describe('with a script, as azureml-inference-server-http answers an undecorated run()', () => {
    beforeEach(() => start({ script: 'echo.ts' }));
    const rows: [string, () => Promise<Response>, number, unknown][] = [
      [
        'run() gets the raw body as a string',
        () => post('/score', '{"a": 1}', { 'x-test': 'yes' }),
        200,
        { rawData: '{"a": 1}', method: 'POST', header: 'yes' },
      ],
      ['a returned string is quoted once more', () => post('/score', 'text'), 200, 'text'],
      ['nothing is null', () => post('/score', 'nothing'), 200, null],
      [
        'GET gives the query as JSON',
        () => fetch(`${scorer.url}/score?a=1&b=x&c=1&c=true`),
        200,
        { rawData: '{"a":1,"b":"x","c":[1,true]}', method: 'GET' },
      ],
      [
        'bytes that are no UTF-8',
        () => fetch(`${scorer.url}/score`, { method: 'POST', body: new Uint8Array([0xff, 0xfe]) }),
        400,
        /^Input cannot be decoded as UTF-8/,
      ],
      [
        'run() throws: the log knows more',
        () => post('/score', 'throw'),
        500,
        /^An unexpected error occurred in scoring script\. Check the logs for more info\.$/,
      ],
      ['a run over its time', () => post('/score', 'wait9000'), 504, /^Scoring timeout after 2000 ms$/],
      ['another method', () => fetch(`${scorer.url}/score`, { method: 'PUT', body: 'x' }), 405, /^Method not allowed$/],
      ['another path', () => fetch(`${scorer.url}/nope`), 404, /POST \/score/],
      [
        'an id that is too long',
        () => post('/score', '{}', { 'x-request-id': 'x'.repeat(101) }),
        431,
        /^x-request-id must not exceed 100 characters$/,
      ],
    ];
    for (const [sentence, call, status, body] of rows) {
      it(sentence, async () => {
        const answer = await call();
        expect(answer.status).to.equal(status);
        const json = (await answer.json()) as { message: string };
        if (body instanceof RegExp) expect(json.message).to.match(body);
        else expect(json).to.deep.equal(body);
      });
    }
    it('request ids are returned, or generated', async () => {
      const none = (await post('/score', '{}')).headers;
      expect(none.get('x-request-id'))
        .to.match(/^[0-9a-f-]{36}$/)
        .and.equal(none.get('x-ms-request-id'));
      const client = (await post('/score', '{}', { 'x-ms-client-request-id': 'mine', 'x-request-id': 'r' })).headers;
      expect([
        client.get('x-request-id'),
        client.get('x-ms-request-id'),
        client.get('x-ms-client-request-id'),
      ]).to.deep.equal(['r', 'mine', 'mine']);
    });
    it('the stack is in the log, with the request id, and the payload is not', async () => {
      await post('/score', 'throw', { 'x-request-id': 'find-me' });
      await waitFor(async () => scorer.log().includes('find-me')); // it comes by a pipe
      expect(scorer.log()).to.contain('find-me').and.to.contain('run went wrong').and.to.contain('echo.ts:3');
      await post('/score', 'canary-payload');
      await post('/score', 'throw', { 'x-request-id': 'the-last' });
      await waitFor(async () => scorer.log().includes('the-last')); // and with it all that was said before
      expect(scorer.log()).not.to.contain('canary-payload');
    });
    it('its load is in /stats', async () => {
      await post('/score', '{}');
      const figures = await stats();
      expect(figures).to.include({ revision: 'iris-1', phase: 'Ready', inFlight: 0 });
      expect(figures.requestsPerSecond).to.be.above(0);
      expect(figures.concurrency).to.be.above(0).and.below(1);
      expect(figures.idleSeconds).to.be.within(0, 5);
    });
    it('metrics count it', async () => {
      await post('/score', '{}');
      const metrics = await (await fetch(`${scorer.operator}/metrics`)).text();
      expect(metrics)
        .to.match(/penstock_requests_total\{code="200",pipeline="iris",revision="iris-1"\} 1/)
        .and.to.contain('penstock_request_duration_seconds_bucket')
        .and.to.match(/penstock_init_duration_seconds\{.*\} 0\.\d+/)
        .and.to.match(/penstock_step_duration_seconds_count\{.*step="queue"\} 1/)
        .and.to.match(/penstock_queue_depth\{.*\} 0/);
    });
  });

  it('Development shows the stack to the client', async () => {
    await start({ script: 'echo.ts', env: { PENSTOCK_EXPOSE_ERRORS: 'true' } });
    expect(((await (await post('/score', 'throw')).json()) as { message: string }).message)
      .to.contain('run went wrong')
      .and.to.contain('echo.ts:3');
  });
  it('a script answers /invocations as it answers /score', async () => {
    await start({ script: 'echo.ts' });
    expect(await (await post('/invocations', '{"a": 1}', { 'content-type': 'text/csv' })).json()).to.deep.include({
      rawData: '{"a": 1}',
    });
  });
  it('a CommonJS script serves, too', async () => {
    await start({ script: 'commonjs.js' });
    expect(await (await post('/score', 'x')).json()).to.deep.equal({ common: 'x' });
  });

  describe('scoring.test', () => {
    const test = (expected: string) => ({
      PENSTOCK_TEST: JSON.stringify({ request: '{"data":[[5.1,3.5,1.4,0.2]]}', expect: expected }),
    });
    it('the expected response: the pod becomes Ready', async () => {
      await start({ env: test('{"label":[0]}') });
      expect((await post('/score', '{"data":[[5.1,3.5,1.4,0.2]]}')).status).to.equal(200);
    });
    it('without an expected response, a run() that throws: exit code 3', async () => {
      const test = JSON.stringify({ request: 'throw' });
      expect(await exits({ script: 'echo.ts', env: { [ENV.test]: test } })).to.equal(3);
    });
    it('another response: exit code 3 before the pod is Ready, and the place of the difference', async () => {
      expect(await exits({ env: test('{"label":[1]}') })).to.equal(3);
      expect(scorer.log()).to.contain('ScoringTestFailed: scoring.test: $.label[0] is 0, expected 1');
    });
  });

  describe('before init() has ended', () => {
    it('a scoring request gets 503 at once', async () => {
      scorer = await startAnd({ script: 'init-never-ends.ts' }, async ({ log }) => {
        await waitFor(async () => log().includes(LOG_MESSAGE.initBegins));
      });
      expect((await post('/score', '{}')).status).to.equal(503);
      expect(scorer.process.exitCode, 'init() has not timed out yet').to.equal(null);
    });

    it('the startup probe is answered when init() has ended', async () => {
      const go = join(mkdtempSync(join(tmpdir(), 'penstock-init-')), 'go');
      const waits = `import { existsSync } from 'node:fs';
        export const init = async () => { while (!existsSync(${JSON.stringify(go)})) await new Promise((done) => setTimeout(done, 20)); };
        export const run = () => 1;`;
      let answer: number | undefined;
      await startAnd({ script: 'waits.ts', files: { 'waits.ts': waits } }, async (started) => {
        scorer = started;
        await waitFor(async () => started.log().includes(LOG_MESSAGE.initBegins));
        const probe = fetch(`${started.operator}/startupz`).then(({ status }) => (answer = status));
        expect((await fetch(`${started.operator}/livez`)).status).to.equal(200);
        expect(answer, 'while init() runs').to.equal(undefined);
        writeFileSync(go, '');
        await probe;
      });
      expect(answer).to.equal(200);
    });

    it('the time of init() does not count as idle', async () => {
      const slow =
        'export const init = () => new Promise((done) => setTimeout(done, 4000)); export const run = () => 1;';
      await start({ script: 'slow.ts', files: { 'slow.ts': slow } });
      expect((await stats()).idleSeconds).to.be.below(3);
    });
  });

  describe('/stats', () => {
    it('a pod to which a body is being uploaded is not idle', async () => {
      await start({ script: 'echo.ts' });
      await waitFor(async () => (await stats()).idleSeconds > 1);
      const socket = connect(Number(new URL(scorer.url).port), '127.0.0.1');
      socket.write('POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf');
      await waitFor(async () => (await stats()).inFlight === 1);
      expect((await stats()).idleSeconds).to.equal(0);
      socket.destroy();
    });

    it('a request that the client must correct is no demand', async () => {
      await start({ script: 'echo.ts' });
      await post('/score', 'wait1000'); // a refused request would count as long as this one
      for (let i = 0; i < 20; i++)
        expect((await post('/score', '{}', { 'content-encoding': 'br' })).status).to.equal(415);
      expect((await stats()).concurrency).to.be.below(1.2);
    });
  });

  describe('keys', () => {
    const hash = (key: string) => createHash('sha256').update(key).digest('hex');
    const status = async (authorization?: string) =>
      (await post('/score', '{}', authorization === undefined ? {} : { authorization })).status;
    it('is not Ready without the key hashes; then accepts both keys, and refuses a rotated one within a second', async () => {
      scorer = await startAnd({ script: 'echo.ts', env: { PENSTOCK_AUTH: 'Key' } }, (started) =>
        answersWith(started, '/startupz', 200),
      );
      expect((await fetch(`${scorer.operator}/readyz`)).status).to.equal(503);
      scorer.traffic({ revisions: {}, keyHashes: [hash('one'), hash('two')] });
      await ready(scorer);
      expect(
        await Promise.all([undefined, 'Bearer no', 'Bearer', 'Basic one', 'Bearer one', 'bearer two'].map(status)),
      ).to.deep.equal([401, 401, 401, 401, 200, 200]);
      scorer.traffic({ revisions: {}, keyHashes: [hash('three'), hash('two')] });
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(await Promise.all(['Bearer one', 'Bearer two', 'Bearer three'].map(status))).to.deep.equal([
        401, 200, 200,
      ]);
    });
  });

  describe('SIGTERM and draining', () => {
    const keepAlive = (body: string) =>
      new Promise<http.IncomingMessage>(
        (resolve, reject) =>
          void http
            .request(`${scorer.url}/score`, { method: 'POST', agent: new http.Agent({ keepAlive: true }) }, (answer) =>
              resolve(answer.resume()),
            )
            .on('error', reject)
            .end(body),
      );
    it('a retiring revision closes each connection with its answer', async () => {
      const one = await start({ script: 'echo.ts' });
      expect((await keepAlive('{}')).headers.connection).to.equal('keep-alive');
      one.traffic({ revisions: { 'iris-1': { state: 'retiring', since: new Date().toISOString() } }, keyHashes: [] });
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect((await keepAlive('{}')).headers.connection).to.equal('close');
    });
    it('SIGTERM: requests in progress are answered, the pod is not Ready, and the exit code is 0', async () => {
      const one = await start({ script: 'echo.ts' });
      const slow = post('/score', 'wait800');
      const upload = new Promise<http.IncomingMessage>((resolve, reject) => {
        const request = http
          .request(`${scorer.url}/score`, { method: 'POST', headers: { 'content-length': '2' } }, (answer) =>
            resolve(answer.resume()),
          )
          .on('error', reject);
        request.write('{');
        setTimeout(() => request.end('}'), 6000); // after idle connections have had their five seconds
      });
      await new Promise((resolve) => setTimeout(resolve, 100));
      one.process.kill('SIGTERM');
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect((await fetch(`${one.operator}/readyz`)).status).to.equal(503);
      expect((await slow).status).to.equal(200);
      expect((await upload).statusCode).to.equal(200);
      expect(await one.exited).to.equal(0);
    });
    it('draining: clients get Connection: close, and requests on idle connections are served', async () => {
      const one = await start({ script: 'echo.ts' });
      expect((await keepAlive('{}')).headers['keep-alive']).to.equal('timeout=5');
      const socket = connect(Number(new URL(one.url).port), '127.0.0.1');
      const ask = async (): Promise<string> => {
        socket.write('POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}');
        return ((await once(socket, 'data')) as Buffer[])[0]!.toString();
      };
      expect(await ask()).to.match(/^HTTP\/1.1 200 OK/);
      await new Promise((resolve) => setTimeout(resolve, 7000)); // it does not listen to what it was told
      expect(await ask()).to.match(/^HTTP\/1.1 200 OK/);
      one.process.kill('SIGTERM');
      await answersWith(one, '/readyz', 503);
      expect((await keepAlive('{}')).headers.connection, 'a new connection').to.equal('close');
      await new Promise((resolve) => setTimeout(resolve, 4000));
      expect(await ask(), 'the old one').to.match(/^HTTP\/1.1 200 OK[^]*\r\nconnection: close/i);
      expect(await one.exited).to.equal(0);
    });
    it('shutdown() of the script runs', async () => {
      const one = await start({ script: 'shutdown.ts' });
      one.process.kill('SIGTERM');
      expect(await one.exited).to.equal(0);
      expect(one.log()).to.contain('shutdown hook ran');
    });
  });

  describe('a script with one mistake: exit code 3, and the mistake in the message', () => {
    const rows: [string, string, RegExp][] = [
      ['syntax-error.mjs', 'UserScriptImportError', /Unexpected \W+;\W+ \(syntax-error\.mjs:3:19\)/],
      [
        'import-missing.ts',
        'UserScriptImportError',
        /Could not resolve \W+\.\/not-there\.ts\W+ \(import-missing\.ts:1:25\)/,
      ],
      [
        'python.ts',
        'UserScriptImportError',
        /this is Python: give the file a name that ends in .py .*\(python\.ts:3:1\)/,
      ],
      ['no-run.ts', 'UserScriptFunctionNotFound', /no-run\.ts exports no run\(\); it exports init/],
      ['init-not-a-function.ts', 'UserScriptFunctionNotFound', /exports no init\(\)/],
      ['init-throws.ts', 'UserScriptInitFailed', /no weights \(init-throws\.ts:3:9\)/],
      ['init-never-ends.ts', 'UserScriptInitTimeout', /init\(\) did not end within initTimeout \(4000 ms\)/],
      ['init-exits.ts', 'UserScriptInitFailed', /ended its own process \(exit code 7\)/],
    ];
    for (const [script, reason, message] of rows) {
      it(script, async () => {
        expect(await exits({ script, env: { PENSTOCK_INIT_TIMEOUT_MS: '4000' } })).to.equal(3);
        expect(scorer.log()).to.contain(reason).and.to.match(message);
      });
    }
    it('an unhandled error after the response ends the process, with the reason', async () => {
      await start({ script: 'throws-later.ts' });
      await post('/score', '{}').catch(() => undefined);
      expect(await scorer.exited).to.equal(3);
      expect(scorer.log()).to.contain('later');
    });
  });
});
