/** CHANGELOG.md in the form of Keep a Changelog, and the versions of releases. Pure. */

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

const SEMVER = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

/** Whether `version` is a semantic version above `current`. A pre-release is below its version. */
export function isNewer(version: string, current: string): boolean {
  const [given, known] = [SEMVER.exec(version), SEMVER.exec(current)];
  if (!given || !known) return false;
  for (let i = 1; i <= 3; i++) {
    const difference = Number(given[i]) - Number(known[i]);
    if (difference !== 0) return difference > 0;
  }
  return current.includes('-') && version !== current;
}
