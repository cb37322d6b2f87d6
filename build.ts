/**
 * `npm run build` bundles operator, scorer and cli into their dist folders. It does not check types; `npm run lint`
 * does. A file that would not change is not written, so programs may be started from there at the same time.
 */
import { build, type BuildOptions } from 'esbuild';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cliBundle, operatorBundle, root, scorerBundle } from './bundle.ts';
import { notices, packageFolders } from './hack/notices.ts';

const NOTICES = 'THIRD-PARTY-NOTICES.txt';

const same = (path: string, contents: Uint8Array): boolean => existsSync(path) && readFileSync(path).equals(contents);

/** The bundle, and the licenses of the packages in it and of those `beside` it. */
async function bundle(options: BuildOptions, room: string, beside: string[] = []): Promise<void> {
  const outdir = join(root, room, 'dist');
  const { outputFiles, metafile } = await build({ ...options, outdir, write: false, metafile: true });
  mkdirSync(outdir, { recursive: true });
  const folders = packageFolders([...Object.keys(metafile.inputs), ...beside.map((name) => `node_modules/${name}/`)]);
  const licenses = { path: join(outdir, NOTICES), contents: Buffer.from(notices(root, folders)) };
  for (const { path, contents } of [...outputFiles, licenses]) {
    if (same(path, contents)) continue;
    writeFileSync(`${path}.new`, contents);
    renameSync(`${path}.new`, path);
  }
  const made = new Set([...outputFiles, licenses].map(({ path }) => path));
  for (const entry of readdirSync(outdir, { withFileTypes: true }))
    if (entry.isFile() && !made.has(join(outdir, entry.name))) rmSync(join(outdir, entry.name));
}

/**
 * Packages that are not bundled, with the native files of this platform only. package.json is copied last and shows
 * that the copy is complete.
 */
const BESIDE: Record<string, string[]> = {
  'onnxruntime-node': ['dist', `bin/napi-v6/linux/${process.arch}`, 'package.json'],
  'onnxruntime-common': ['dist/cjs', 'package.json'],
  [`@esbuild/linux-${process.arch}`]: ['bin', 'package.json'],
  esbuild: ['lib', 'package.json'],
};

function copyPackages(target: string): void {
  for (const [name, paths] of Object.entries(BESIDE)) {
    const from = join(root, 'node_modules', name);
    if (same(join(target, name, 'package.json'), readFileSync(join(from, 'package.json')))) continue;
    rmSync(join(target, name), { recursive: true, force: true });
    for (const path of paths)
      cpSync(join(from, path), join(target, name, path), {
        recursive: true,
        filter: (file) => !/\.(map|d\.ts)$/.test(file),
      });
  }
}

await bundle(operatorBundle, 'operator');
await bundle(scorerBundle, 'scorer-image', Object.keys(BESIDE));
await bundle(cliBundle, 'cli');
copyPackages(join(root, 'scorer-image/dist/node_modules'));
cpSync(join(root, 'scorer-image/python'), join(root, 'scorer-image/dist/python'), {
  recursive: true,
  filter: (file) => !file.includes('__pycache__') && !file.endsWith('Dockerfile'),
});
