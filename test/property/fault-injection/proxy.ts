/**
 * Between an operator and the real API server: passes everything on, keeps a record, and lets go wrong what the plan
 * says, by meaning and not by time. The operator's code is the real one; only its kubeconfig leads here.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request, type Dispatcher } from 'undici';
import { lines } from '@penstock/kube/client/lines';
import type { EventRef, Fault, Recording, WriteRecord } from './plan.ts';
import { WatchStream } from './watchStream.ts';

const LATE_MS = 700;
/** The API server's reasons by status code. */
const REASON_OF: Record<number, string> = { 409: 'Conflict', 429: 'TooManyRequests' };

export interface Upstream {
  server: string;
  token: string;
}
export interface Call {
  by: string;
  method: string;
  path: string;
  resource: string;
  name: string;
  subresource: string;
  body: string;
}

/** What the proxy asks of the code that runs the plan. */
export interface ProxyHooks {
  /** The operator process of that name dies, now. */
  kill: (by: string) => void;
  /** It is frozen, and thawed when another has long taken over. */
  depose: (by: string) => void;
  /** Tokens as files have them from now on; the old one is refused. */
  rotate: () => void;
  /** Looked at before a write goes to the server. */
  inspect: (call: Call) => void;
}

export class FaultProxy implements Recording {
  readonly writes: WriteRecord[] = [];
  readonly events: EventRef[] = [];
  readonly #upstream: Upstream;
  readonly #hooks: ProxyHooks;
  readonly #faults: Fault[];
  readonly #agent = new Agent({ connect: { rejectUnauthorized: false }, bodyTimeout: 0, headersTimeout: 60_000 });
  readonly #servers: Server[] = [];
  readonly #firstLists = new Map<string, string>();
  readonly #lagging = new Set<string>();
  readonly #seen = new Map<string, number>();
  #count = 0;
  /** The token that is good now. */
  token = 'token-1';
  /** Who holds the lease, as far as the server has confirmed it; empty when it was released. */
  holder = '';

  constructor(upstream: Upstream, faults: Fault[], hooks: ProxyHooks) {
    this.#upstream = upstream;
    this.#faults = [...faults];
    this.#hooks = hooks;
  }

  /** Faults that have not happened: the run took another way. */
  get unused(): Fault[] {
    return this.#faults;
  }

  /** Address for one operator process. */
  async listen(by: string): Promise<string> {
    const server = createServer((incoming, response) => {
      this.#handle(by, incoming, response).catch(() => response.destroy());
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
    await this.#agent.destroy();
  }

  async #handle(by: string, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    if (incoming.headers.authorization !== `Bearer ${this.token}`) return answer(response, 401, 'Unauthorized');
    const call = parse(by, incoming, Buffer.concat(chunks).toString());
    const isWatch = call.method === 'GET' && /[?&]watch=true/.test(incoming.url ?? '');
    if (isWatch) return this.#watch(call, incoming, response);
    if (call.method === 'GET' || call.resource === 'leases' || call.resource === 'events')
      return this.#pass(call, incoming, response);
    return this.#write(call, incoming, response);
  }

  async #send(
    { body, method }: Call,
    incoming: IncomingMessage,
    signal?: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const {
      host: _,
      authorization: __,
      connection: ___,
      'content-length': ____,
      'set-cookie': _____,
      ...headers
    } = incoming.headers;
    return request(this.#upstream.server + (incoming.url ?? ''), {
      method: method,
      dispatcher: this.#agent,
      headers: { ...headers, authorization: `Bearer ${this.#upstream.token}` } as Record<string, string>,
      ...(body === '' ? {} : { body }),
      ...(signal && { signal }),
    });
  }

  async #pass(call: Call, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const reply = await this.#send(call, incoming);
    const text = await reply.body.text();
    if (call.resource === 'leases' && call.method !== 'GET' && reply.statusCode < 300)
      this.holder = (JSON.parse(call.body) as { spec: { holderIdentity: string } }).spec.holderIdentity;
    const isList = call.method === 'GET' && call.name === '' && reply.statusCode === 200;
    if (isList && this.#lagging.delete(call.resource))
      return void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(this.#firstLists.get(call.resource));
    if (isList && !this.#firstLists.has(call.resource)) this.#firstLists.set(call.resource, text);
    relay(reply, text, response);
  }

  async #write(call: Call, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const record: WriteRecord = {
      n: ++this.#count,
      by: call.by,
      method: call.method,
      what: [call.resource, general(call.resource, call.name), call.subresource].filter(Boolean).join('/'),
      code: 0,
    };
    this.writes.push(record);
    this.#hooks.inspect(call);
    const fault = this.#take((one) => 'write' in one && one.write === record.n) as
      Extract<Fault, { write: number }> | undefined;
    if (fault?.do === 'rotate the token') this.#hooks.rotate();
    if (fault?.do === 'refuse')
      return answer(
        response,
        fault.code,
        REASON_OF[fault.code] ?? 'InternalError',
        fault.code === 429 ? { 'retry-after': '1' } : {},
      );
    if (fault?.do === 'crash before') return this.#hooks.kill(call.by);
    const reply = await this.#send(call, incoming);
    const text = await reply.body.text();
    record.code = reply.statusCode;
    if (fault?.do === 'crash after') return this.#hooks.kill(call.by);
    if (fault?.do === 'lose the reply') return void response.destroy();
    if (fault?.do === 'delay the reply') await sleep(LATE_MS);
    if (fault?.do === 'depose the leader') this.#hooks.depose(call.by);
    relay(reply, text, response);
  }

  async #watch(call: Call, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const reply = await this.#send(call, incoming, gone.signal);
    response.writeHead(reply.statusCode, { 'content-type': 'application/json' });
    response.flushHeaders();
    const stream = new WatchStream(response, LATE_MS);
    let count = 0;
    try {
      for await (const line of lines(reply.body)) {
        const event = this.#identify(call, line);
        count += event ? 1 : 0;
        const cut = this.#take((one) => 'after' in one && one.resource === call.resource && count >= one.after);
        if (cut) return this.#cut(cut.do, call, stream);
        const fault = event && this.#take((one) => 'event' in one && sameEvent(one.event, event));
        await stream.write(line, fault?.do);
      }
    } catch {
      // the operator or the server has ended the watch
    }
    response.end();
  }

  /** The watch is over; the operator has to find out. */
  #cut(how: Fault['do'], call: Call, stream: WatchStream): void {
    if (how === 'lag behind') this.#lagging.add(call.resource);
    if (how === 'go silent') return; // the connection stays, and nothing comes any more
    if (how === 'reset') return stream.reset();
    return stream.expire();
  }

  #identify({ resource, by }: Call, line: string): EventRef | undefined {
    const { type, object } = JSON.parse(line) as { type: string; object: { metadata?: { name?: string } } };
    if (type === 'BOOKMARK' || type === 'ERROR') return undefined;
    const name = general(resource, object.metadata?.name ?? '');
    const key = `${by} ${resource} ${type} ${name}`;
    const nth = (this.#seen.get(key) ?? 0) + 1;
    this.#seen.set(key, nth);
    const event = { resource, type, name, nth };
    this.events.push(event);
    return event;
  }

  #take(matches: (fault: Fault) => boolean): Fault | undefined {
    const at = this.#faults.findIndex(matches);
    return at < 0 ? undefined : this.#faults.splice(at, 1)[0];
  }
}

const sameEvent = (a: EventRef, b: EventRef): boolean =>
  a.resource === b.resource && a.type === b.type && a.name === b.name && a.nth === b.nth;

/** A name without the parts that are another in each run: a uid's hash in Jobs, what controllers append to pods. */
const general = (resource: string, name: string): string =>
  (resource === 'pods' ? name.replace(/-[a-z0-9]{5}$/, '-*') : name).replace(/-verify-[0-9a-f]{8}-/, '-verify-*-');

/** `metadata` of ConfigMaps is a resource of its own: it is watched beside the objects. */
function parse(by: string, { method = '', url = '', headers }: IncomingMessage, body: string): Call {
  const path = url.split('?')[0]!;
  const [, resource = '', name = '', subresource = ''] =
    /^\/(?:api|apis\/[^/]+)\/[^/]+(?:\/namespaces\/[^/]+)?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(path) ?? [];
  const metadataOnly = String(headers.accept).includes('PartialObjectMetadata') ? ' (metadata)' : '';
  const made = method === 'POST' ? ((JSON.parse(body) as { metadata?: { name?: string } }).metadata?.name ?? '') : name;
  return { by, method, path, resource: resource + metadataOnly, name: made, subresource, body };
}

function relay({ statusCode, headers }: Dispatcher.ResponseData, text: string, response: ServerResponse): void {
  const retryAfter = headers['retry-after']?.toString();
  response
    .writeHead(statusCode, {
      'content-type': 'application/json',
      ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
    })
    .end(text);
}

function answer(response: ServerResponse, code: number, reason: string, headers: Record<string, string> = {}): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(
    JSON.stringify({
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      reason,
      code,
      message: `injected: ${code} ${reason}`,
    }),
  );
}
