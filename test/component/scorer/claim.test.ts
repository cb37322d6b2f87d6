/** A model in a mounted claim: files, folders, links, and what is refused. */
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchItem } from '../../../scorer-image/fetch/fetchItem.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('a model in a claim', () => {
  let home: string;
  let claim: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'penstock-claim-'));
    claim = join(home, 'sources/m');
    mkdirSync(claim, { recursive: true });
  });
  afterEach(() => rmSync(home, { recursive: true }));

  const write = (path: string, text = path): void => {
    mkdirSync(join(claim, path, '..'), { recursive: true });
    writeFileSync(join(claim, path), text);
  };
  const fetched = (path: string) =>
    fetchItem(
      { name: 'm', uri: `pvc://models/${path}`, format: 'Files' },
      {
        items: [],
        modelsDir: join(home, 'models'),
        sourcesDir: join(home, 'sources'),
        credentialsDir: join(home, 'credentials'),
        addresses: { loopback: false, privateNetwork: false },
        memoryBytes: 0,
        egress: {},
      },
    );
  const problem = (path: string): Promise<string> =>
    fetched(path).then(
      () => 'fetched',
      (error: unknown) => (error as Error).message,
    );
  const model = (path: string): string => readFileSync(join(home, 'models/m', path), 'utf8');

  it('is a file, under its own name', async () => {
    write('iris/v1/iris.onnx', 'bytes');
    expect(await fetched('iris/v1/iris.onnx')).to.deep.equal({ digest: `sha256:${sha256('bytes')}`, sizeBytes: 5 });
    expect(model('iris.onnx')).to.equal('bytes');
  });

  it('is a folder with its folders, and has the digest of sha256sum', async () => {
    for (const path of ['v1/b.bin', 'v1/a.onnx', 'v1/sub/ä c.txt']) write(path);
    const names = ['a.onnx', 'b.bin', 'sub/ä c.txt'];
    const lines = names.map((name) => `${sha256(`v1/${name}`)}  ${name}\n`).join('');
    for (const path of ['v1', 'v1/']) {
      expect((await fetched(path)).digest).to.equal(`sha256:${sha256(lines)}`);
      for (const name of names) expect(model(name)).to.equal(`v1/${name}`);
    }
  });

  it('is the whole claim, without the folder of its file system', async () => {
    write('a.bin');
    write('lost+found/x');
    expect((await fetched('')).sizeBytes).to.equal(5);
  });

  it('follows a link to another folder of the claim', async () => {
    write('versions/2/model.bin', 'two');
    symlinkSync('versions/2', join(claim, 'current'));
    symlinkSync(join(claim, 'versions/2/model.bin'), join(claim, 'versions/2/same.bin'));
    expect((await fetched('current')).sizeBytes).to.equal(6);
    expect(model('model.bin')).to.equal('two');
    expect(statSync(join(home, 'models/m/same.bin')).isFile()).to.equal(true);
  });

  const rows: [what: string, make: () => void, path: string, message: string][] = [
    ['a path that is not there', () => undefined, 'nowhere', 'pvc://models/nowhere: nowhere is not there'],
    ['an empty folder', () => mkdirSync(join(claim, 'empty')), 'empty', 'pvc://models/empty has no files'],
    ['a link out of the claim', () => symlinkSync('/etc/passwd', join(claim, 'x')), 'x', 'x is a link that leads out'],
    [
      'a link out of the claim in a folder',
      () => {
        write('v1/a');
        symlinkSync('../../../credentials', join(claim, 'v1/c'));
        mkdirSync(join(home, 'credentials'));
      },
      'v1',
      'v1/c is a link that leads out of the claim',
    ],
    ['a name with a line break', () => write('v1/a\nb'), 'v1', 'the name "a\\nb" has a control character'],
    ['a link without an end', () => symlinkSync('.', join(claim, 'loop')), '', 'folders are more than 32 deep'],
    [
      'more folders than can be read',
      () => {
        for (let i = 0; i < 20; i++) {
          mkdirSync(join(claim, `d${i}`));
          for (const name of ['a', 'b']) symlinkSync(`../d${i + 1}`, join(claim, `d${i}/${name}`));
        }
        mkdirSync(join(claim, 'd20'));
      },
      'd0',
      'there are more than 10000 files and folders',
    ],
    ['a pipe', () => execFileSync('mkfifo', [join(claim, 'pipe')]), 'pipe', 'pipe is neither a file nor a folder'],
  ];
  for (const [what, make, path, message] of rows)
    it(`refuses ${what}`, async () => {
      make();
      expect(await problem(path)).to.contain(message);
    });

  it('refuses other bytes than those that were verified', async () => {
    write('a.bin', 'other');
    const item = {
      name: 'm',
      uri: 'pvc://models/a.bin',
      format: 'Files' as const,
      digest: `sha256:${sha256('first')}`,
    };
    const config = { modelsDir: join(home, 'models'), sourcesDir: join(home, 'sources') };
    const outcome = await fetchItem(item, config as never).catch((error: unknown) => (error as Error).message);
    expect(outcome).to.contain('the bytes changed');
  });
});
