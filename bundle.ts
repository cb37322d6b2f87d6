/** How the operator, the scorer and the cli are bundled. `npm run build` and the tests use the same settings. */
import type { BuildOptions, Plugin } from 'esbuild';
import { join } from 'node:path';

export const root = import.meta.dirname;

const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  sourcemap: false,
  legalComments: 'none',
  minifySyntax: true,
  logLevel: 'warning',
  outExtension: { '.js': '.mjs' },
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
};

/**
 * undici's index also loads fetch, WebSocket, caches and mocks, which the operator does not use. They cost 4 MiB of
 * memory.
 */
const slimUndici: Plugin = {
  name: 'slim undici',
  setup: (build) => {
    build.onResolve({ filter: /^undici$/ }, () => ({ path: 'undici', namespace: 'slim' }));
    build.onLoad({ filter: /.*/, namespace: 'slim' }, () => ({
      resolveDir: root,
      contents: `
        const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');
        Object.assign(Dispatcher.prototype, require('undici/lib/api/index.js'));
        module.exports = {
          Dispatcher,
          Agent: require('undici/lib/dispatcher/agent.js'),
          ProxyAgent: require('undici/lib/dispatcher/proxy-agent.js'),
          DecoratorHandler: require('undici/lib/handler/decorator-handler.js'),
          fetch: globalThis.fetch,
        };`,
    }));
  },
};

/**
 * The operator (`main.mjs`) and the activator (`activator.mjs`). Removing white space saves 5 MiB of memory; names stay
 * readable for stacks.
 */
export const operatorBundle: BuildOptions = {
  ...common,
  minifyWhitespace: true,
  entryPoints: { main: join(root, 'operator/main.ts'), activator: join(root, 'operator/activator/main.ts') },
  plugins: [slimUndici],
};

/**
 * express loads body parsers with tables of all character sets, a quarter of its code. The scorer does not use them.
 */
const noBodyParser: Plugin = {
  name: 'no body parser',
  setup: (build) => {
    build.onResolve({ filter: /^body-parser$/ }, () => ({ path: 'body-parser', namespace: 'none' }));
    build.onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** The scorer (`main.mjs` and `worker.mjs`). onnxruntime and esbuild are copied beside them. */
export const scorerBundle: BuildOptions = {
  ...common,
  splitting: true,
  minifyWhitespace: true,
  external: ['onnxruntime-node', 'esbuild'],
  plugins: [noBodyParser],
  entryPoints: { main: join(root, 'scorer-image/main.ts'), worker: join(root, 'scorer-image/run/worker.ts') },
};

/** `penstock` as one file, which starts the scorer that lies beside it. */
export const cliBundle: BuildOptions = { ...common, entryPoints: { penstock: join(root, 'cli/main.ts') } };
