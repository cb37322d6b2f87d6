/** Request ids as azureml-inference-server-http returns them. */
import { requestIds } from '@penstock/server/requestIds';
import { expect } from 'chai';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const LONG = 'x'.repeat(101);

describe('request ids', () => {
  it('are new ones without ids of the client, the same for both headers', () => {
    const { headers, problem } = requestIds({});
    expect(headers).to.deep.equal(['x-request-id', headers[1], 'x-ms-request-id', headers[1]]);
    expect(headers[1]).to.match(UUID);
    expect(problem).to.equal(undefined);
  });

  const rows: [string, Record<string, string>, string[]][] = [
    ['x-request-id', { 'x-request-id': 'a' }, ['x-request-id', 'a', 'x-ms-request-id', 'a']],
    [
      'x-ms-client-request-id',
      { 'x-request-id': 'a', 'x-ms-client-request-id': 'c' },
      ['x-request-id', 'a', 'x-ms-request-id', 'c', 'x-ms-client-request-id', 'c'],
    ],
    [
      'x-ms-request-id, which is the client request id, too',
      { 'x-request-id': 'a', 'x-ms-request-id': 'm' },
      ['x-request-id', 'a', 'x-ms-request-id', 'm', 'x-ms-client-request-id', 'm'],
    ],
    [
      'all three',
      { 'x-request-id': 'a', 'x-ms-request-id': 'm', 'x-ms-client-request-id': 'c' },
      ['x-request-id', 'a', 'x-ms-request-id', 'm', 'x-ms-client-request-id', 'c'],
    ],
    [
      'an id of 100 characters',
      { 'x-request-id': LONG.slice(1) },
      ['x-request-id', LONG.slice(1), 'x-ms-request-id', LONG.slice(1)],
    ],
  ];
  for (const [what, given, headers] of rows)
    it(`are those of the client: ${what}`, () => expect(requestIds(given)).to.deep.equal({ headers }));

  it('of more than 100 characters are a problem, and x-request-id is a new one', () => {
    const { headers, problem } = requestIds({ 'x-request-id': LONG });
    expect(headers[1]).to.match(UUID);
    expect(problem).to.equal('x-request-id must not exceed 100 characters');
  });

  for (const name of ['x-ms-request-id', 'x-ms-client-request-id'])
    it(`of more than 100 characters in ${name} are a problem, and x-request-id is kept`, () => {
      const { headers, problem } = requestIds({ 'x-request-id': 'a', [name]: LONG });
      expect(headers).to.deep.equal(['x-request-id', 'a']);
      expect(problem).to.contain('must not exceed 100 characters');
    });
});
