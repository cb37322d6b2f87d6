/** `npm run build`: type-checks nothing (lint does), bundles operator and scorer into their dist folders. */
import { build, type BuildOptions } from 'esbuild';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = import.meta.dirname;
const common: BuildOptions = {
  bundle: true, platform: 'node', format: 'esm', target: 'node24', sourcemap: false, legalComments: 'none', minifySyntax: true, logLevel: 'warning',
  outExtension: { '.js': '.mjs' },
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
};

/** onnxruntime with the one native library this platform runs, of the five in the package. */
function copyOnnxRuntime(target: string): void {
  for (const [name, paths] of Object.entries({
    'onnxruntime-node': ['package.json', 'dist', `bin/napi-v6/linux/${process.arch}`],
    'onnxruntime-common': ['package.json', 'dist/cjs'],
  })) for (const path of paths) cpSync(join(root, 'node_modules', name, path), join(target, name, path), { recursive: true, filter: (file) => !/\.(map|d\.ts)$/.test(file) });
}

for (const room of ['operator', 'scorer-image']) rmSync(join(root, room, 'dist'), { recursive: true, force: true });
await build({ ...common, entryPoints: [join(root, 'operator/main.ts')], outdir: join(root, 'operator/dist') });
await build({ ...common, entryPoints: { main: join(root, 'scorer-image/main.ts'), worker: join(root, 'scorer-image/run/worker.ts') }, outdir: join(root, 'scorer-image/dist'), external: ['onnxruntime-node'], splitting: true });
mkdirSync(join(root, 'scorer-image/dist/node_modules'), { recursive: true });
copyOnnxRuntime(join(root, 'scorer-image/dist/node_modules'));
