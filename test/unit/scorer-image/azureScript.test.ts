/** Azure ML's contract for scripts: what run() gets and what its result becomes. */
import { expect } from 'chai';
import { runScript } from '../../../scorer-image/protocols/azureScript.ts';
import type { ByteStream, EncodedResponse, ScoreRequest } from '../../../scorer-image/protocols/messages.ts';
import type { UserScript } from '../../../scorer-image/script/script.ts';
import { BadInput } from '../../../scorer-image/tensor/errors.ts';

const request = (change: Partial<ScoreRequest> = {}): ScoreRequest => ({
  requestId: 'one',
  method: 'POST',
  url: '/score?a=b',
  headers: { 'content-type': 'application/json' },
  ...change,
});
const script = (run: UserScript['run'], more: Partial<UserScript> = {}): UserScript => ({
  init: () => undefined,
  run,
  ...more,
});
/** The response to this body. */
const answer = (run: UserScript['run'], body = '', more: Partial<UserScript> = {}, asked = request()) =>
  runScript(script(run, more), Buffer.from(body), asked);
/** Status and message of a refusal. */
const refusal = async (response: Promise<EncodedResponse>): Promise<string> => {
  const error: unknown = await response.catch((thrown: unknown) => thrown);
  return error instanceof BadInput ? `${error.status} ${error.message}` : String(error);
};
async function textOf({ body, chunks }: EncodedResponse): Promise<string> {
  if (!chunks) return Buffer.from(body as string).toString();
  if (!('next' in chunks)) return [...chunks].join('');
  const parts: Uint8Array[] = [];
  for (let part = await chunks.next(); part; part = await chunks.next()) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe('the argument of run()', () => {
  it('is the body as text', async () => {
    expect((await answer((raw) => raw, '{"a": 1}')).body).to.equal('"{\\"a\\": 1}"');
  });

  const inputSchema = { a: { type: 'number' }, b: { type: 'string', default: 'x' }, c: {} };
  const withSchema = (body: string, asked = request()) => answer((args) => args, body, { inputSchema }, asked);

  it('is an object of arguments with an inputSchema, with defaults', async () =>
    expect((await withSchema('{"a": 1, "c": null}')).body).to.equal('{"a":1,"b":"x","c":null}'));

  const refusals: [string, string, string][] = [
    ['a missing argument', '{"c": 1}', "400 A value is not provided for the 'a' parameter."],
    ['a wrong type', '{"a": "1", "c": 1}', "400 The value of the 'a' parameter must be of type number."],
    [
      'null where a number is expected',
      '{"a": null, "c": 1}',
      "400 The value of the 'a' parameter must be of type number.",
    ],
    ['an empty body', '', '400 POST body is empty. Expecting a JSON dictionary.'],
    ['a list', '[1]', '400 POST body should be a JSON dictionary.'],
  ];
  for (const [what, body, message] of refusals)
    it(`is refused for ${what}`, async () => expect(await refusal(withSchema(body))).to.equal(message));

  it('is refused for a body that is not JSON, or of another type', async () => {
    expect(await refusal(withSchema('{'))).to.contain('400 POST body could not be decoded as JSON: ');
    expect(await refusal(withSchema('{}', request({ headers: { 'content-type': 'text/plain' } })))).to.equal(
      '415 Expects Content-Type to be application/json',
    );
  });

  it('has no inherited name as an argument', async () =>
    expect(await refusal(answer((args) => args, '{"a": 1}', { inputSchema: { toString: {} } }))).to.equal(
      "400 A value is not provided for the 'toString' parameter.",
    ));

  for (const [type, yes, no] of [
    ['array', '[1]', '{}'],
    ['object', '{}', '[]'],
    ['object', '{}', 'null'],
    ['integer', '1', '1.5'],
    ['boolean', 'true', '0'],
    ['null', 'null', '0'],
    ['string', '""', '1'],
  ] as const)
    it(`of type ${type} is ${yes} and not ${no}`, async () => {
      const schema = { inputSchema: { a: { type } } };
      expect((await answer((args) => args, `{"a": ${yes}}`, schema)).body).to.equal(`{"a":${yes}}`);
      expect(await refusal(answer((args) => args, `{"a": ${no}}`, schema))).to.contain(`must be of type ${type}`);
    });

  it('is the request with rawHttp', async () => {
    const seen: string[] = [];
    const run = async (raw: unknown): Promise<string> => {
      const given = raw as Request;
      seen.push(given.method, new URL(given.url).search, given.headers.get('x-one')!, await given.text());
      return 'ok';
    };
    await answer(run, 'body', { rawHttp: true }, request({ headers: { 'x-one': '1' } }));
    expect(seen).to.deep.equal(['POST', '?a=b', '1', 'body']);
    const get = await answer((raw) => (raw as Request).method, '', { rawHttp: true }, request({ method: 'GET' }));
    expect(get.body).to.equal('"GET"');
  });
});

describe('the result of run()', () => {
  it('is JSON with typed arrays as lists and bigints as numbers', async () => {
    const value = { a: new Float32Array([1, 0.5]), b: 2n ** 60n, c: [undefined], d: new Date(0), e: Buffer.from([1]) };
    expect((await answer(() => value)).body).to.equal(
      '{"a":[1,0.5],"b":1152921504606846976,"c":[null],"d":"1970-01-01T00:00:00.000Z","e":[1]}',
    );
  });

  for (const [what, value, text] of [
    ['nothing', undefined, 'null'],
    ['a function', () => 1, 'null'],
    ['a text', 'a"b', '"a\\"b"'],
    ['a number', 1.5, '1.5'],
  ] as const)
    it(`of ${what} is ${text}`, async () => expect((await answer(() => value)).body).to.equal(text));

  it('that is circular rejects', async () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(await refusal(answer(() => circle))).to.contain('circular');
  });

  it('of more than a mebibyte is sent in chunks that split no character', async () => {
    const long = '😀'.repeat(600_000);
    const response = await answer(() => long);
    expect(response.body).to.equal('');
    const chunks = [...(response.chunks as Iterable<string>)];
    expect(chunks.every((chunk) => chunk.isWellFormed())).to.equal(true);
    expect(chunks.join('')).to.equal(JSON.stringify(long));
  });
});

describe('a Response of run()', () => {
  it('is sent with its status and headers, without those of the connection', async () => {
    const headers = { 'x-one': '1', connection: 'close', 'x-request-id': 'mine', 'content-type': 'text/csv' };
    const response = await answer(() => new Response('a,b', { status: 201, headers }));
    expect([response.status, await textOf(response)]).to.deep.equal([201, 'a,b']);
    expect(response.headers).to.deep.equal(['content-type', 'text/csv', 'x-one', '1']);
    expect(response.chunks).to.equal(undefined);
  });

  it('without a body is empty', async () => {
    const response = await answer(() => new Response(null, { status: 204 }));
    expect([response.status, response.body]).to.deep.equal([204, new Uint8Array(0)]);
  });

  it('whose body is still being produced is sent in chunks, beginning with the first', async () => {
    const parts = ['one', 'two', 'three'];
    const body = new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        const part = parts.shift();
        if (part === undefined) controller.close();
        else controller.enqueue(part);
      },
    });
    const response = await answer(() => new Response(body));
    expect(await textOf(response)).to.equal('onetwothree');
  });

  it('that is cancelled cancels the stream of the script', async () => {
    let cancelled = false;
    const body = new ReadableStream({
      start: (controller) => controller.enqueue('a'),
      cancel: () => void (cancelled = true),
    });
    const response = await answer(() => new Response(body));
    (response.chunks as ByteStream).cancel();
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(cancelled).to.equal(true);
  });

  it('with chunks of another type rejects', async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue({ a: 1 });
        controller.close();
      },
    });
    expect(await refusal(answer(() => new Response(body)))).to.contain('must give Uint8Array or string, not object');
  });

  it('with a status below 200 rejects', async () =>
    expect(await refusal(answer(() => Response.error()))).to.contain('a response cannot have status 0'));
});
