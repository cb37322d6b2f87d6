/** What crosses between the threads is what was said. */
import { expect } from 'chai';
import { isAnswers, packed, unpacked } from '../../../scorer-image/run/answers.ts';
import type { Answer } from '../../../scorer-image/run/messages.ts';

const rows: [string, Answer[]][] = [
  ['nothing', []],
  ['texts, an empty one and one beyond latin-1 among them', [{ id: 4, status: 200, body: '[1]', runMs: 0.5 }, { id: 5, status: 200, body: '', runMs: 1 }, { id: 6, status: 200, body: '"日本"', runMs: 0 }]],
  ['a failure with its stack', [{ id: 1, status: 500, body: 'no', stack: 'no\n at x', runMs: 3 }]],
  ['a long text', [{ id: 1, status: 200, body: 'x'.repeat(100_000), runMs: 1 }]],
  ['bytes, and headers of a script\'s own', [{ id: 1, status: 200, body: Uint8Array.of(1, 2), jsonBytes: 1, runMs: 1 }, { id: 2, status: 200, body: 'x', headers: ['content-type', 'text/csv'], runMs: 1 }]],
];

describe('answers between the threads', () => {
  for (const [sentence, answers] of rows) it(sentence, () => expect(unpacked(structuredClone(packed(answers, 1, [2])))).to.deep.equal(answers));

  for (const said of [['progress', 1], [], null, 'ready', { type: 'log' }]) it(`${JSON.stringify(said)}, which a script may have posted, is none`, () => expect(isAnswers(said)).to.equal(false));

  it('unusual ones come after the usual ones, with their ids', () => {
    const usual: Answer = { id: 2, status: 200, body: 'a', runMs: 1 };
    const unusual: Answer = { id: 1, status: 400, body: 'bad' };
    expect(unpacked(packed([unusual, usual], 1, [2]))).to.deep.equal([usual, unusual]);
  });
});
