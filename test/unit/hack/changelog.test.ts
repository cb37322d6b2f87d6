/** What a release does to the changelog. */
import { expect } from 'chai';
import { chapter, isNewer, released } from '../../../hack/changelog.ts';

const text = (unreleased: string): string =>
  `# Changelog\n\nText.\n\n## Unreleased\n${unreleased}\n## 0.1.0 - 2026-01-01\n\nThe first version.\n`;

describe('a release in the changelog', () => {
  it('closes the chapter Unreleased, and begins a new one', () =>
    expect(released(text('\n### Added\n\n- A thing.\n'), '0.2.0', '2026-02-01')).to.equal(
      `# Changelog\n\nText.\n\n## Unreleased\n\n## 0.2.0 - 2026-02-01\n\n### Added\n\n- A thing.\n\n## 0.1.0 - 2026-01-01\n\nThe first version.\n`,
    ));

  it('is refused where nothing has changed, or the chapter is missing', () => {
    expect(() => released(text(''), '0.2.0', '2026-02-01')).to.throw('has nothing under');
    expect(() => released('# Changelog\n', '0.2.0', '2026-02-01')).to.throw('has no chapter');
  });

  it('has the chapter of the version as its notes', () => {
    expect(chapter(text('\n- A thing.\n'), 'Unreleased')).to.equal('- A thing.');
    expect(chapter(text(''), '0.1.0')).to.equal('The first version.');
    expect(chapter(text(''), '0.2.0')).to.equal('');
  });
});

describe('the version of a release', () => {
  const rows: [string, string, boolean][] = [
    ['0.1.1', '0.1.0', true],
    ['0.10.0', '0.9.9', true],
    ['1.0.0', '0.9.9', true],
    ['0.1.0', '0.1.0', false],
    ['0.1.0', '0.1.1', false],
    ['0.9.9', '1.0.0', false],
    ['0.2.0-rc.1', '0.1.0', true],
    ['0.2.0', '0.2.0-rc.1', true],
    ['0.2.0-rc.1', '0.2.0', false],
    ['01.2.3', '0.1.0', false],
    ['1.2', '0.1.0', false],
    ['v1.2.3', '0.1.0', false],
  ];
  for (const [version, current, expected] of rows)
    it(`${version} is ${expected ? '' : 'not '}above ${current}`, () =>
      expect(isNewer(version, current)).to.equal(expected));
});
