/** A base image without a registry: a few Debian packages and Node's own binary, nothing else, no shell. */
import { createHash } from 'node:crypto';
import { execa } from 'execa';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from './engine.ts';
import { hasImage, importTree } from './images.ts';
import { root } from './paths.ts';
import { say } from './say.ts';

const PACKAGES = ['libc6', 'libgcc-s1', 'libstdc++6', 'ca-certificates', 'tzdata', 'base-files', 'netbase'];
/** The package of which only the locale C.UTF-8 is taken: text models ask the system for the letters of a language. */
const LOCALE = 'libc-bin';

/** Name of the base image, built if the engine does not hold it (about 20 s). */
export async function baseImage(docker: Engine): Promise<string> {
  const image = `penstock/base:node-${process.version.slice(1)}-${keyOfPackages([...PACKAGES, LOCALE])}`;
  if (await hasImage(docker, image)) return image;
  say(`building ${image} from Debian packages and Node’s binary`);
  await importDebian(docker, image, PACKAGES, async (tree) => {
    await mkdir(join(tree, 'usr/local/bin'), { recursive: true });
    await copyFile(join(root, 'node_modules/node/bin/node'), join(tree, 'usr/local/bin/node'));
    await chmod(join(tree, 'usr/local/bin/node'), 0o755);
  });
  return image;
}

/** Python, its standard library, and libraries that wheels expect. */
const PYTHON_PACKAGES = [
  ...PACKAGES,
  'python3.11-minimal',
  'libpython3.11-minimal',
  'libpython3.11-stdlib',
  'libbz2-1.0',
  'libcrypt1',
  'libexpat1',
  'libffi8',
  'libgomp1',
  'liblzma5',
  'libsqlite3-0',
  'libssl3',
  'libuuid1',
  'zlib1g',
];

/** Name of an image with Debian's Python, in place of that of a registry. */
export async function pythonBaseImage(docker: Engine): Promise<string> {
  const image = `penstock/base:python-3.11-${keyOfPackages(PYTHON_PACKAGES)}`;
  if (await hasImage(docker, image)) return image;
  say(`building ${image} from Debian packages`);
  await importDebian(docker, image, PYTHON_PACKAGES, (tree) => symlink('python3.11', join(tree, 'usr/bin/python3')));
  return image;
}

const keyOfPackages = (packages: string[]): string =>
  createHash('sha256').update(packages.join()).digest('hex').slice(0, 8);

/** An image of Debian packages; `complete` adds files to its tree. */
async function importDebian(
  docker: Engine,
  image: string,
  packages: string[],
  complete: (tree: string) => Promise<void>,
): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'penstock-base-'));
  const tree = join(work, 'tree');
  await mkdir(tree);
  await execa('apt-get', ['update', '-q']);
  await chmod(work, 0o777); // apt downloads as a user of its own
  await execa('apt-get', ['download', '-q', ...packages, LOCALE], { cwd: work });
  for (const file of (await readdir(work)).filter((name) => name.endsWith('.deb'))) {
    if (file.startsWith(`${LOCALE}_`))
      await execa('sh', ['-c', `dpkg-deb --fsys-tarfile ${file} | tar -x -C tree ./usr/lib/locale`], { cwd: work });
    else await execa('dpkg-deb', ['-x', join(work, file), tree]);
  }
  await certificates(tree);
  await complete(tree);
  await writeFile(
    join(tree, 'etc/passwd'),
    'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n',
  );
  await writeFile(join(tree, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n');
  const unused = ['doc', 'man', 'locale', 'lintian'].map((name) => join(tree, 'usr/share', name));
  await execa('rm', ['-rf', ...unused]);
  await execa('chmod', ['1777', join(tree, 'tmp')]);
  await importTree(docker, image, tree, [
    '--change',
    'ENV PATH=/usr/local/bin:/usr/bin:/bin',
    '--change',
    'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt',
  ]);
  await rm(work, { recursive: true });
}

/** What ca-certificates' postinst does: all of Mozilla's certificates in one file. */
async function certificates(tree: string): Promise<void> {
  await mkdir(join(tree, 'etc/ssl/certs'), { recursive: true });
  await execa('sh', ['-c', 'cat usr/share/ca-certificates/mozilla/*.crt > etc/ssl/certs/ca-certificates.crt'], {
    cwd: tree,
  });
}
