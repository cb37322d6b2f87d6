/** The lines of a response body. */
import { lines } from '@penstock/kube/client/lines';
import { aborted } from '@penstock/kube/client/signals';
import { expect } from 'chai';

async function linesOf(...chunks: (string | Buffer)[]): Promise<string[]> {
  async function* body(): AsyncGenerator<Buffer> {
    for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk as string));
  }
  const all: string[] = [];
  for await (const line of lines(body())) all.push(line);
  return all;
}

describe('the lines of a body', () => {
  it('are whole whatever the chunks are', async () => {
    expect(await linesOf('{"a":1}\n{"b":2}\n')).to.deep.equal(['{"a":1}', '{"b":2}']);
    expect(await linesOf('{"a"', ':1}', '\n{"b":', '2}\n')).to.deep.equal(['{"a":1}', '{"b":2}']);
  });

  it('keep characters that are split between chunks', async () => {
    const bytes = Buffer.from('"Grün"\n');
    expect(await linesOf(bytes.subarray(0, 4), bytes.subarray(4))).to.deep.equal(['"Grün"']);
  });

  it('are not split at other line separators', async () =>
    expect(await linesOf('"a\u2028b\u0085c"\n')).to.deep.equal(['"a\u2028b\u0085c"']));

  it('leave out empty lines and an unfinished last line', async () =>
    expect(await linesOf('\n \na\n\nb')).to.deep.equal(['a']));
});

describe('an aborted signal', () => {
  it('resolves, also when it was aborted before', async () => {
    const controller = new AbortController();
    const waiting = aborted(controller.signal);
    controller.abort();
    await waiting;
    await aborted(controller.signal);
  });
});
