/** The version of Penstock is in package.json. `npm run generate` writes it into the other files that contain it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const VERSION = String.raw`\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?`;

/** By file: the text before the version. */
const PLACES: Record<string, string[]> = {
  'charts/penstock/Chart.yaml': ['\nversion: ', '\nappVersion: '],
  'operator/Dockerfile': ['image.version="'],
  'scorer-image/Dockerfile': ['image.version="'],
  'scorer-image/python/Dockerfile': ['image.version="'],
  'packages/contract/contract.ts': ["export const VERSION = '"],
  ...Object.fromEntries(
    ['packages/contract', 'packages/kube', 'packages/server', 'operator', 'scorer-image'].map((workspace) => [
      `${workspace}/package.json`,
      ['"version": "'],
    ]),
  ),
};

/** The files of {@link PLACES} with this version. Throws where a file contains no version. */
export function stamped(root: string, version: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(PLACES).map(([file, befores]) => [
      file,
      befores.reduce((text, before) => stamp(text, before, version, file), readFileSync(join(root, file), 'utf8')),
    ]),
  );
}

function stamp(text: string, before: string, version: string, file: string): string {
  const [first, ...parts] = text.split(before);
  const changed = parts.map((part) => part.replace(new RegExp(`^${VERSION}`), version));
  if (!changed.some((part) => part.startsWith(version)))
    throw new Error(`${file} has no version after ${JSON.stringify(before)}`);
  return [first, ...changed].join(before);
}

/** The version in package.json. */
export const packageVersion = (root: string): string =>
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
