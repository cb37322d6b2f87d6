/** How the three programs become a few files each; `npm run build` and the tests bundle them alike. */
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

/** undici's index also loads fetch, WebSocket, caches and mocks, of which the operator uses none: 4 MiB at rest. */
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

/** The operator, as `main.mjs`, and the activator, as `activator.mjs`. Without whitespace the text of it takes 5 MiB less; names stay, for the sake of stacks. */
export const operatorBundle: BuildOptions = {
  ...common,
  minifyWhitespace: true,
  entryPoints: { main: join(root, 'operator/main.ts'), activator: join(root, 'operator/activator/main.ts') },
  plugins: [slimUndici],
};

/** express brings parsers of bodies, of which the scorer uses none: with all the world's character sets, a quarter of its code. */
const noBodyParser: Plugin = {
  name: 'no body parser',
  setup: (build) => {
    build.onResolve({ filter: /^body-parser$/ }, () => ({ path: 'body-parser', namespace: 'none' }));
    build.onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** The scorer, as `main.mjs` and `worker.mjs`; onnxruntime and esbuild are laid beside them. */
export const scorerBundle: BuildOptions = {
  ...common,
  splitting: true,
  minifyWhitespace: true,
  external: ['onnxruntime-node', 'esbuild'],
  plugins: [noBodyParser],
  entryPoints: { main: join(root, 'scorer-image/main.ts'), worker: join(root, 'scorer-image/run/worker.ts') },
};

/** `penstock`, as one file that runs the scorer beside it. */
export const cliBundle: BuildOptions = { ...common, entryPoints: { penstock: join(root, 'cli/main.ts') } };
