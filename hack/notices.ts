/** The licenses of the packages in an image, which most of them require to be passed on with a copy. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/** The folders of the packages to which these files belong. Files of this repository belong to none. */
export const packageFolders = (files: Iterable<string>): string[] =>
  [...new Set([...files].flatMap((file) => PACKAGE.exec(file)?.[1] ?? []))].sort();

/** Name, version and license of each package in these folders, with the texts of its license files. */
export function notices(root: string, folders: string[]): string {
  const parts = new Map(folders.map((folder) => notice(join(root, folder))));
  return [...parts.values()].join(`\n${'-'.repeat(80)}\n\n`);
}

interface Package {
  name: string;
  version: string;
  license?: string;
  repository?: string | { url?: string };
}

function notice(folder: string): [id: string, text: string] {
  const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Package;
  const { name, version, license = 'see below', repository } = found;
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  const texts = files.sort().map((file) => readFileSync(join(folder, file), 'utf8').trim());
  const source = typeof repository === 'string' ? repository : (repository?.url ?? '');
  if (texts.length === 0) texts.push(`The package has no file with its license. Its source: ${source}`);
  return [`${name} ${version}`, [`${name} ${version} (${license})`, ...texts, ''].join('\n\n')];
}
