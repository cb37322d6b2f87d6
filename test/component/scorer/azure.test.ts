/** Azure's dialect beyond the raw body: schemas, whole requests and responses, CORS, Swagger, the access log. */
import { VERSION } from '@penstock/contract';
import { expect } from 'chai';
import { ready, scorerPerTest, type Scorer } from '../../support/fixtures/scorer.ts';

describe('Azure ML’s protocol', function () {
  this.timeout(60_000);
  let scorer: Scorer;
  const start = scorerPerTest();
  const post = (
    body: string | ReadableStream,
    headers: Record<string, string> = { 'content-type': 'application/json' },
    path = '/score',
  ) => fetch(scorer.url + path, { method: 'POST', body, headers, duplex: 'half' });

  it('inputSchema: keys become arguments, defaults stand in, and each mistake has Azure’s sentence', async () => {
    scorer = await start({ script: 'schema.ts' });
    expect(await (await post('{"rows":[1,2]}')).json()).to.deep.equal([2, 4]);
    expect(await (await post('{"rows":[1,2],"scale":10}')).json()).to.deep.equal([10, 20]);
    const rows: [string, Record<string, string> | undefined, number, string][] = [
      ['{"rows":[1]}', { 'content-type': 'text/plain' }, 415, 'Expects Content-Type to be application/json'],
      ['{', undefined, 400, 'POST body could not be decoded as JSON: '],
      ['', undefined, 400, 'POST body is empty. Expecting a JSON dictionary.'],
      ['[1]', undefined, 400, 'POST body should be a JSON dictionary.'],
      ['{"scale":1}', undefined, 400, "A value is not provided for the 'rows' parameter."],
      ['{"rows":1}', undefined, 400, "The value of the 'rows' parameter must be of type array."],
    ];
    for (const [body, headers, status, message] of rows) {
      const answer = await post(body, headers);
      expect(
        [answer.status, ((await answer.json()) as { message: string }).message.startsWith(message)],
        message,
      ).to.deep.equal([status, true]);
    }
    const swagger = (await (await fetch(`${scorer.url}/swagger.json`)).json()) as {
      definitions: { ServiceInput: { required: string[] } };
    };
    expect(swagger.definitions.ServiceInput.required).to.deep.equal(['rows']);
  });

  it('rawHttp: run() gets the Request and returns a Response; it cannot change the request id', async () => {
    scorer = await start({ script: 'raw.ts' });
    const answer = await post('a,b', { 'x-test': 'seen', 'x-request-id': 'mine' });
    expect([
      answer.status,
      await answer.text(),
      answer.headers.get('content-type'),
      answer.headers.get('x-mine'),
      answer.headers.get('x-request-id'),
      answer.headers.get('x-ms-run-function-failed'),
    ]).to.deep.equal([201, 'seen a,b', 'text/csv', 'yes', 'mine', 'False']);
    expect((await fetch(`${scorer.url}/score`, { method: 'OPTIONS' })).headers.get('allow')).to.equal('POST');
    for (const status of [503, 504]) {
      const failed = await post('', {}, `/score?fail=${status}`);
      expect([failed.status, await failed.text(), failed.headers.get('x-ms-run-function-failed')]).to.deep.equal([
        status,
        'broken',
        'True',
      ]);
    }
  });

  it('CORS as AML_CORS_ORIGINS says', async () => {
    scorer = await start({ script: 'echo.ts', env: { AML_CORS_ORIGINS: 'https://a.example, https://b.example' } });
    const allowed = async (origin: string, method = 'OPTIONS') =>
      (
        await fetch(`${scorer.url}/score`, {
          method,
          headers: { origin, 'access-control-request-headers': 'authorization' },
          ...(method === 'POST' && { body: '{}' }),
        })
      ).headers;
    const preflight = await allowed('https://b.example');
    expect([
      preflight.get('access-control-allow-origin'),
      preflight.get('access-control-allow-headers'),
      preflight.get('access-control-allow-methods'),
    ]).to.deep.equal(['https://b.example', 'authorization', 'GET, OPTIONS, POST']);
    expect((await allowed('https://a.example', 'POST')).get('access-control-allow-origin')).to.equal(
      'https://a.example',
    );
    expect((await allowed('https://c.example', 'POST')).get('access-control-allow-origin')).to.equal(null);
  });

  it('a CORS preflight needs no key', async () => {
    scorer = await start({ script: 'echo.ts', env: { PENSTOCK_AUTH: 'None', AML_CORS_ORIGINS: '*' } });
    const preflight = {
      method: 'OPTIONS',
      headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' },
    };
    expect((await fetch(`${scorer.url}/score`, preflight)).status).to.equal(200);
    scorer = await start(
      { script: 'echo.ts', env: { PENSTOCK_AUTH: 'Key', AML_CORS_ORIGINS: 'https://a.example' } },
      async (started) => {
        started.traffic({ revisions: {}, keyHashes: ['0'.repeat(64)] });
        await ready(started);
      },
    );
    const answer = await fetch(`${scorer.url}/score`, preflight);
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).to.deep.equal([
      200,
      'https://a.example',
    ]);
    expect((await fetch(`${scorer.url}/score`, { method: 'OPTIONS' })).status, 'without an origin').to.equal(401);
  });

  it('a response that node:http cannot send: 500, and other requests are not affected', async () => {
    scorer = await start({ script: 'raw.ts' });
    for (const path of ['/score?control=1', '/score?error=1'])
      expect((await post('', {}, path)).status, path).to.equal(500);
    expect((await post('a', { 'x-test': 'still here' })).status).to.equal(201);
  });

  it('Swagger in three versions, from the model’s own signature', async () => {
    scorer = await start({});
    const get = async (version: string) =>
      (await fetch(`${scorer.url}/swagger.json?version=${version}`)).json() as Promise<
        Record<string, unknown> & { message?: string; components?: { schemas: { ServiceInput: object } } }
      >;
    expect((await get('2')).swagger).to.equal('2.0');
    expect([(await get('3')).openapi, (await get('3.1')).openapi]).to.deep.equal(['3.0.3', '3.1.0']);
    expect((await get('3')).components!.schemas.ServiceInput).to.deep.equal({
      type: 'object',
      required: ['data'],
      properties: { data: { type: 'array', items: { type: 'array', items: { type: 'number' } } } },
    });
    expect((await get('4')).message).to.equal('Swagger version [4] is not valid. Supported versions: [2, 3, 3.1].');
    expect((await fetch(`${scorer.url}/ping`)).status).to.equal(200);
  });

  it('SCORING_TIMEOUT_MS cuts below requestTimeout; the access log has Azure’s field names and no payload; TraceId comes back', async () => {
    scorer = await start({ script: 'echo.ts', env: { SCORING_TIMEOUT_MS: '300', ACCESS_LOG: 'true' } });
    expect((await post('wait1000')).status).to.equal(504);
    const slow = new ReadableStream<string>({
      start: (body) => (body.enqueue('canary-'), void setTimeout(() => (body.enqueue('payload'), body.close()), 1000)),
    }).pipeThrough(new TextEncoderStream());
    const answer = await post(slow, {
      'content-length': '14',
      'x-request-id': 'r1',
      traceid: 't1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'user-agent': 'me',
    });
    expect([answer.headers.get('traceid'), answer.headers.get('x-ms-server-version')]).to.deep.equal([
      't1',
      `penstock/${VERSION}`,
    ]);
    await answer.text();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const line = scorer
      .log()
      .split('\n')
      .map((text) => (text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}))
      .find(({ XRequestId }) => XRequestId === 'r1');
    expect(line).to.include({
      Method: 'POST',
      Path: '/score',
      ResponseCode: 200,
      ModelStatusCode: 200,
      RequestPayloadSize: 14,
      UserAgent: 'me',
      EndpointName: 'iris',
      DeploymentName: 'iris-1',
      AuthType: 'None',
      TraceId: '0af7651916cd43dd8448eb211c80319c',
    });
    const { RequestDurationMs, TotalDurationMs } = line as Record<string, number>;
    expect(RequestDurationMs, 'the body has taken its time').to.be.greaterThan(250).and.lessThan(TotalDurationMs!);
    expect(scorer.log()).not.to.contain('canary-payload');
  });
});
