/** Settings from environment variables. */
import { Settings } from '@penstock/server/settings';
import { expect } from 'chai';

const settings = (env: Record<string, string> = {}): Settings => new Settings(env);
/** The problems that `read` leaves, as one text. */
function problems(env: Record<string, string>, read: (settings: Settings) => unknown): string | undefined {
  const all = settings(env);
  read(all);
  try {
    all.check();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a setting', () => {
  it('that is text has a default', () => {
    expect(settings({ A: 'x' }).text('A', 'y')).to.equal('x');
    expect(settings().text('A', 'y')).to.equal('y');
    expect(settings({ A: '' }).text('A', 'y')).to.equal('');
  });

  it('that is optional is undefined where it is empty', () => {
    expect(settings({ A: '' }).optional('A')).to.equal(undefined);
    expect(settings({ A: 'x' }).optional('A')).to.equal('x');
  });

  it('that is required is a problem where it is empty', () => {
    for (const env of [{}, { A: '' }])
      expect(problems(env, (all) => all.required('A', 'it names the image'))).to.equal(
        'bad settings: A is not set: it names the image',
      );
    expect(settings({ A: 'x' }).required('A', '')).to.equal('x');
  });

  it('that is a number is a whole one above 0', () => {
    expect(settings({ A: '7' }).number('A', 1)).to.equal(7);
    expect(settings().number('A', 1)).to.equal(1);
    for (const text of ['0', '-1', '1.5', 'x', ''])
      expect(
        problems({ A: text }, (all) => all.number('A', 1)),
        text,
      ).to.equal(`bad settings: A must be a whole number above 0, not ${text}`);
    expect(problems({}, (all) => all.number('A'))).to.equal('bad settings: A is not set');
  });

  it('that is a list has no blanks and no empty items', () => {
    expect(settings({ A: ' a, b,,c ' }).list('A')).to.deep.equal(['a', 'b', 'c']);
    expect(settings().list('A')).to.deep.equal([]);
  });

  it('that is a choice is one of them', () => {
    expect(settings({ A: 'b' }).choice('A', ['a', 'b'])).to.equal('b');
    expect(settings().choice('A', ['a', 'b'], 'b')).to.equal('b');
    expect(problems({ A: 'c' }, (all) => all.choice('A', ['a', 'b']))).to.equal(
      'bad settings: A must be one of a, b, not c',
    );
    expect(problems({}, (all) => all.choice('A', ['a', 'b']))).to.equal('bad settings: A is not set');
  });

  it('that is a boolean is true for the text true only', () => {
    expect(['true', 'TRUE', '1', 'false'].map((text) => settings({ A: text }).isTrue('A'))).to.deep.equal([
      true,
      false,
      false,
      false,
    ]);
    expect(settings().isTrue('A')).to.equal(false);
  });

  it('that is JSON is parsed', () => {
    expect(settings({ A: '{"a": [1]}' }).json('A')).to.deep.equal({ a: [1] });
    expect(settings().json('A', 'null')).to.equal(null);
    expect(problems({ A: '{' }, (all) => all.json('A'))).to.contain('A is not JSON: ');
    expect(problems({}, (all) => all.json('A'))).to.equal('bad settings: A is not set');
  });
});

describe('settings', () => {
  it('report every problem in one error', () =>
    expect(
      problems({ B: 'x' }, (all) => {
        all.required('A', 'why');
        all.number('B', 1);
        all.problem('a sentence');
      }),
    ).to.equal('bad settings: A is not set: why; B must be a whole number above 0, not x; a sentence'));

  it('know the variables that were read, with type and default', () => {
    const all = settings();
    all.text('A', 'x');
    all.number('B', 7);
    all.list('C');
    all.isTrue('D');
    all.optional('E');
    all.required('F', '');
    expect(all.variables).to.deep.equal([
      { name: 'A', type: 'text', fallback: 'x', required: false },
      { name: 'B', type: 'number', fallback: '7', required: false },
      { name: 'C', type: 'list', fallback: undefined, required: false },
      { name: 'D', type: 'boolean', fallback: 'false', required: false },
      { name: 'E', type: 'text', fallback: undefined, required: false },
      { name: 'F', type: 'text', fallback: undefined, required: true },
    ]);
  });
});
