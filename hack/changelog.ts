/** CHANGELOG.md in the form of Keep a Changelog: what a release does to it. Pure. */

const UNRELEASED = '## Unreleased\n';

/** The changelog with its chapter Unreleased closed as `version`. Throws when that chapter is missing or empty. */
export function released(changelog: string, version: string, date: string): string {
  const at = changelog.indexOf(UNRELEASED);
  if (at < 0) throw new Error('CHANGELOG.md has no chapter "## Unreleased"');
  if (chapter(changelog, 'Unreleased') === '')
    throw new Error('CHANGELOG.md has nothing under "## Unreleased": say what has changed');
  const rest = changelog.slice(at + UNRELEASED.length);
  return `${changelog.slice(0, at)}${UNRELEASED}\n## ${version} - ${date}\n${rest}`;
}

/** The text of a chapter without its heading: the notes of a release. Empty where there is none. */
export function chapter(changelog: string, version: string): string {
  const [, text = ''] = changelog.split(new RegExp(`^## ${version.replaceAll('.', '\\.')}(?: - .*)?\n`, 'm'));
  return text.split(/^## /m)[0]!.trim();
}
