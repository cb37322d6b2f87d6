/** Downloads by https from a real server with a certificate of its own. */
import { expect } from 'chai';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, type Server } from 'node:http';
import { createServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { currentCertificate } from '../../../operator/metricsapi/certificate.ts';
import type { Egress } from '../../../scorer-image/config.ts';
import { fetchItem } from '../../../scorer-image/fetch/fetchItem.ts';

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

describe('the download of a model', function () {
  this.timeout(90_000);
  let folder: string;
  let plain: Server;
  let store: Server;
  let asked: string[];
  let certificate: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'penstock-fetch-'));
    const { cert, key } = await currentCertificate(undefined, 'localhost', Date.now());
    certificate = cert;
    mkdirSync(join(folder, 'credentials/m'), { recursive: true });
    writeFileSync(join(folder, 'credentials/m/ca.crt'), cert);
    writeFileSync(join(folder, 'credentials/m/token'), 'a-token');
    plain = createHttp((request, response) => {
      asked.push(`http ${request.url}`);
      response.end('plain');
    }).listen(0, '127.0.0.1');
    store = createServer({ cert, key }, ({ url, headers }, response) => {
      asked.push(`https ${url} ${headers.authorization}`);
      if (url === '/model.bin') return void response.end('model');
      const elsewhere: Record<string, string> = {
        '/moved.bin': '/model.bin',
        '/plain.bin': `http://127.0.0.1:${portOf(plain)}/model.bin`,
        '/metadata.bin': 'https://169.254.169.254/latest/meta-data',
        '/closed.bin': 'https://127.0.0.1:1/',
        '/other.bin': `https://127.0.0.1:${portOf(store)}/nothing.bin`,
      };
      if (elsewhere[url ?? ''] === undefined) response.writeHead(404).end();
      else response.writeHead(302, { location: elsewhere[url ?? ''] }).end();
    }).listen(0, 'localhost');
    for (const server of [plain, store]) if (!server.listening) await once(server, 'listening');
  });
  beforeEach(() => (asked = []));
  after(() => {
    for (const server of [plain, store]) server.close();
    rmSync(folder, { recursive: true });
  });

  const fetched = (
    path: string,
    uri = `https://localhost:${portOf(store)}${path}`,
    addresses = { loopback: true, privateNetwork: true },
    { egress = {}, name = 'm' }: { egress?: Egress; name?: string } = {},
  ) =>
    fetchItem(
      { name, uri, file: 'm.bin', format: 'Files' },
      {
        items: [],
        modelsDir: join(folder, 'models'),
        sourcesDir: join(folder, 'sources'),
        credentialsDir: join(folder, 'credentials'),
        addresses,
        memoryBytes: 0,
        egress,
      },
    );

  it('follows a redirect of the store, with the token', async () => {
    expect(await fetched('/moved.bin')).to.include({ sizeBytes: 5 });
    expect(readFileSync(join(folder, 'models/m/m.bin'), 'utf8')).to.equal('model');
    expect(asked).to.deep.equal(['https /moved.bin Bearer a-token', 'https /model.bin Bearer a-token']);
  });
  const messageOf = (...args: Parameters<typeof fetched>): Promise<string> =>
    fetched(...args).then(
      () => 'fetched',
      (error: unknown) => (error as Error).message,
    );
  for (const uri of [
    'https://localhost/m.bin',
    'https://127.0.0.1/m.bin',
    'https://[::1]/m.bin',
    'https://0x7f.1/m.bin',
    'https://[::ffff:127.0.0.1]/m.bin',
    'https://169.254.169.254/m.bin',
    'https://[fd00:ec2::254]/m.bin',
    'https://[fd20:ce::254]/m.bin',
    'https://0.0.0.0/m.bin',
    'https://[fe80::1]/m.bin',
  ]) {
    it(`refuses ${uri}, whatever the chart says`, async () => {
      expect(await messageOf('', uri, { loopback: false, privateNetwork: true })).to.contain(
        'its host has a loopback, link-local or metadata address, which no source may have',
      );
    });
  }
  for (const uri of [
    'https://10.1.2.3/m.bin',
    'https://192.168.1.1/m.bin',
    'https://172.20.0.1/m.bin',
    'https://[fd12::1]/m.bin',
    'https://[64:ff9b::a00:1]/m.bin',
    'https://[2002:a00:1::]/m.bin',
    'https://[::ffff:10.0.0.1]/m.bin',
  ]) {
    it(`refuses ${uri} where the chart wants no private sources`, async () => {
      expect(await messageOf('', uri, { loopback: false, privateNetwork: false })).to.contain(
        'its host has a private address',
      );
    });
  }
  describe('behind a proxy', () => {
    let proxy: Server;
    let tunnels: string[];
    const ANY = { loopback: true, privateNetwork: true };
    const through = (path: string, egress: Egress = {}, name = 'm') =>
      fetched(path, `https://localhost:${portOf(store)}${path}`, ANY, {
        egress: { httpsProxy: `http://127.0.0.1:${portOf(proxy)}`, ...egress },
        name,
      });
    before(async () => {
      proxy = createHttp((_, response) => response.writeHead(405).end());
      proxy.on('connect', ({ url = '' }, client: Socket) => {
        tunnels.push(url);
        const server = connect(Number(url.split(':').at(-1)), 'localhost', () => {
          client.write('HTTP/1.1 200 Connection established\r\n\r\n');
          server.pipe(client).pipe(server);
        });
        for (const [one, other] of [
          [server, client],
          [client, server],
        ] as const)
          one.on('error', () => other.destroy()).on('close', () => other.destroy());
      });
      await once(proxy.listen(0, '127.0.0.1'), 'listening');
    });
    beforeEach(() => (tunnels = []));
    after(() => proxy.close());

    it('the file comes through a tunnel, with the token and the authority of the Secret', async () => {
      expect(await through('/model.bin')).to.include({ sizeBytes: 5 });
      expect(tunnels).to.deep.equal([`localhost:${portOf(store)}`]);
      expect(asked).to.deep.equal(['https /model.bin Bearer a-token']);
    });

    it('a host of noProxy is reached without it', async () => {
      expect(await through('/model.bin', { noProxy: 'localhost' })).to.include({ sizeBytes: 5 });
      expect(tunnels).to.deep.equal([]);
    });

    it('the authorities of the chart are trusted, where the source has no Secret', async () => {
      expect(await through('/model.bin', {}, 'plain').catch(String)).to.contain('an authority that is not known');
      expect(await through('/model.bin', { caBundle: certificate }, 'plain')).to.include({ sizeBytes: 5 });
    });

    it('with a Secret, only its authority is trusted, not those of the chart', async () => {
      const { cert } = await currentCertificate(undefined, 'localhost', Date.now());
      mkdirSync(join(folder, 'credentials/other'), { recursive: true });
      writeFileSync(join(folder, 'credentials/other/ca.crt'), cert);
      const problem = await through('/model.bin', { caBundle: certificate }, 'other').catch(String);
      expect(problem).to.contain('an authority that is not known');
    });

    it('a redirect to a metadata service is refused', async () => {
      expect(await through('/metadata.bin').catch(String)).to.contain('metadata address');
      expect(tunnels).to.have.length(1);
    });
  });

  it('a token with a line break is refused, with the reason', async () => {
    const file = join(folder, 'credentials/m/token');
    writeFileSync(file, 'a\ntoken');
    expect(await messageOf('/model.bin')).to.contain(
      'the key token of the Secret of source.secretRef has a line break in it',
    );
    writeFileSync(file, 'a-token');
  });
  it('refuses a redirect to a metadata service, and asks nothing there', async () =>
    expect(await messageOf('/metadata.bin')).to.contain('link-local or metadata address'));
  it('tells the status of the source itself', async () =>
    expect(await messageOf('/nothing.bin')).to.contain('the server answered 404'));
  for (const [what, path] of [
    ['a status', '/other.bin'],
    ['a closed port', '/closed.bin'],
  ] as const) {
    it(`does not report the response of another host: ${what}`, async () =>
      expect(await messageOf(path)).to.match(
        /cannot be fetched: the host that the server redirects to did not give the file$/,
      ));
  }
  it('refuses a redirect to http, and asks nothing there', async () => {
    const failure = await fetched('/plain.bin').catch((error: unknown) => String(error));
    expect(failure).to.contain('redirects to an address that is not https');
    expect(asked.filter((question) => question.startsWith('http '))).to.deep.equal([]);
  });
});
