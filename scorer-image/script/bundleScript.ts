/**
 * Bundles the user script into one module that Node can run: TypeScript, imports with or without a file extension,
 * JSON, and the paths of a tsconfig.json beside it. esbuild does this when the pod starts, in some 30 ms. Packages and
 * Node's own modules stay imports.
 */
import { FAILURE } from '@penstock/contract';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { StartFailure } from '../failure.ts';

/** `require` for CommonJS files that an ES module imports. */
const REQUIRE =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

export interface BundledScript {
  format: 'module' | 'commonjs';
  /** With a source map, so that errors name the user's files and lines. */
  source: string;
}

/** Rejects with StartFailure that names file, line and column of the mistake. */
export async function bundleScript(path: string): Promise<BundledScript> {
  const { build, stop } = await import('esbuild'); // starts a process, which is stopped below
  const folder = dirname(path);
  const tsconfig = join(folder, 'tsconfig.json');
  const run = async (format: 'esm' | 'cjs'): Promise<{ source: string; isCommonJs: boolean }> => {
    const { outputFiles, metafile } = await build({
      entryPoints: [path],
      absWorkingDir: folder,
      outfile: `${path}.js`,
      write: false,
      metafile: true,
      bundle: true,
      format,
      platform: 'node',
      target: 'node24',
      packages: 'external',
      external: ['*.node'],
      ...(format === 'esm' && { banner: { js: REQUIRE } }),
      sourcemap: 'inline',
      sourcesContent: false,
      logLevel: 'silent',
      charset: 'utf8',
      keepNames: true,
      preserveSymlinks: true, // the files of a ConfigMap are symbolic links
      ...(existsSync(tsconfig) ? { tsconfig } : { tsconfigRaw: '{}' }),
    });
    return { source: outputFiles[0]!.text, isCommonJs: metafile.inputs[basename(path)]?.format === 'cjs' };
  };
  try {
    const first = await run(/\.c[jt]s$/.test(path) ? 'cjs' : 'esm');
    const { source, isCommonJs } = first.isCommonJs ? await run('cjs') : first;
    return { format: isCommonJs ? 'commonjs' : 'module', source };
  } catch (error) {
    if (!(error as BuildError).errors) throw error; // not a mistake in the script
    throw new StartFailure(FAILURE.scriptImport, messageOf(error as BuildError, path));
  } finally {
    await stop();
  }
}

interface BuildError extends Error {
  errors?: { text: string; location: { file: string; line: number; column: number } | null }[];
}

function messageOf(error: BuildError, path: string): string {
  const [first] = error.errors ?? [];
  const where = first?.location
    ? ` (${basename(first.location.file)}:${first.location.line}:${first.location.column + 1})`
    : '';
  const python = isPython(path) ? 'this is Python: give the file a name that ends in .py (docs/environments.md): ' : '';
  return `${python}${first?.text ?? error.message}${where}`;
}

function isPython(path: string): boolean {
  const source = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return (
    /^(def \w+\(.*\).*:|from [\w.]+ import |import [\w.]+( as \w+)?)\s*(#.*)?$/m.test(source) &&
    !/\b(export|const|let|function|require)\b/.test(source)
  );
}
