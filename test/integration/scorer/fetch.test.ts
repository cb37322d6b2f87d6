/** Downloads by https from a real server with a certificate of its own. */
import { expect } from 'chai';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, type Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { currentCertificate } from '../../../operator/metricsapi/certificate.ts';
import { fetchItem } from '../../../scorer-image/fetch/source.ts';

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

describe('the download of a model', function () {
  this.timeout(30_000);
  let folder: string;
  let plain: Server;
  let store: Server;
  let asked: string[];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'penstock-fetch-'));
    const { cert, key } = await currentCertificate(undefined, 'localhost', Date.now());
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
      response.writeHead(302, { location: url === '/moved.bin' ? '/model.bin' : `http://127.0.0.1:${portOf(plain)}/model.bin` }).end();
    }).listen(0, 'localhost');
    for (const server of [plain, store]) if (!server.listening) await once(server, 'listening');
  });
  beforeEach(() => (asked = []));
  after(() => {
    for (const server of [plain, store]) server.close();
    rmSync(folder, { recursive: true });
  });

  const fetched = (path: string) => fetchItem(
    { name: 'm', uri: `https://localhost:${portOf(store)}${path}`, file: 'm.bin', format: 'Files' },
    { items: [], modelsDir: join(folder, 'models'), sourcesDir: join(folder, 'sources'), credentialsDir: join(folder, 'credentials') },
  );

  it('follows a redirect of the store, with the token', async () => {
    expect(await fetched('/moved.bin')).to.include({ sizeBytes: 5 });
    expect(readFileSync(join(folder, 'models/m/m.bin'), 'utf8')).to.equal('model');
    expect(asked).to.deep.equal(['https /moved.bin Bearer a-token', 'https /model.bin Bearer a-token']);
  });
  it('refuses a redirect to http, and asks nothing there', async () => {
    const failure = await fetched('/plain.bin').catch((error: unknown) => String(error));
    expect(failure).to.contain('redirects to an address that is not https');
    expect(asked.filter((question) => question.startsWith('http '))).to.deep.equal([]);
  });
});
