/** `npm run build`: type-checks nothing (lint does), bundles operator, scorer and cli into their dist folders. */
import { build } from 'esbuild';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cliBundle, operatorBundle, root, scorerBundle } from './bundle.ts';

/** onnxruntime with the one native library this platform runs, of the five in the package. */
function copyOnnxRuntime(target: string): void {
  for (const [name, paths] of Object.entries({
    'onnxruntime-node': ['package.json', 'dist', `bin/napi-v6/linux/${process.arch}`],
    'onnxruntime-common': ['package.json', 'dist/cjs'],
  })) for (const path of paths) cpSync(join(root, 'node_modules', name, path), join(target, name, path), { recursive: true, filter: (file) => !/\.(map|d\.ts)$/.test(file) });
}

for (const room of ['operator', 'scorer-image', 'cli']) rmSync(join(root, room, 'dist'), { recursive: true, force: true });
await build({ ...operatorBundle, outdir: join(root, 'operator/dist') });
await build({ ...scorerBundle, outdir: join(root, 'scorer-image/dist') });
await build({ ...cliBundle, outdir: join(root, 'cli/dist') });
mkdirSync(join(root, 'scorer-image/dist/node_modules'), { recursive: true });
copyOnnxRuntime(join(root, 'scorer-image/dist/node_modules'));
