/** A server for each pipeline that may have no pods, on the port that its EndpointSlice names. */
import { ConnectionLimit, refuseUnreadable } from '@penstock/contract';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'winston';
import { parseActivation } from '../api/activation.ts';
import { activatorPort, age, isActivators, readyAddresses, type Slice } from '../api/endpoints.ts';
import { absent, keyOf, splitKey, type Key } from '../api/flow.ts';
import { KIND } from '../api/kinds.ts';
import { ANNOTATION, LABEL, uses } from '../api/labels.ts';
import { controllerOf } from '../api/objects.ts';
import { CONDITION, isFinal } from '../api/reasons.ts';
import type { InferencePipeline } from '../api/types.gen.ts';
import type { Cache } from '../kube/cache.ts';
import type { KubeClient } from '../kube/client.ts';
import { FairShare } from '../queue/fairShare.ts';
import { Endpoint, type Place, type Standing } from './endpoint.ts';
import { Held } from './held.ts';
import type { ActivatorMetrics } from './metrics.ts';

/** Requests that wait or are being forwarded, shared by all namespaces: each may have some 64 KiB of its body in buffers. */
const MOST_AT_ONCE = 2_000;
/** At all ports together, shared by all namespaces: some 10 KiB each. */
const MOST_CONNECTIONS = 8_000;
/** Also for connections on which nothing comes: a pod keeps those for longer, but here there are so many and no more. */
const HEADERS_MS = 10_000;
const PORT_AGAIN_MS = 2_000;
/** A pipeline that always has pods now may still be sent here by nodes that have not heard of it. */
const CLOSE_AFTER_MS = 5_000;

interface Door {
  port: number;
  server: Server;
  /** Its port could not be opened so far. */
  blocked?: boolean;
}
/** A pipeline keeps its endpoint, and all who wait there, when it has to take another door. */
interface Entrance {
  endpoint: Endpoint;
  /** None while its port is an older pipeline's. */
  door?: Door | undefined;
  /** Will be forgotten. */
  closing?: NodeJS.Timeout | undefined;
}

export interface DoorsDeps {
  slices: Cache<Slice>;
  client: Pick<KubeClient, 'wake' | 'get'>;
  metrics: ActivatorMetrics;
  logger: Logger;
  onError: (error: unknown) => undefined;
}

export class Doors {
  readonly #deps: DoorsDeps;
  readonly #entrances = new Map<Key, Entrance>();
  /** Those, too, that are shut and still have somebody in them. */
  readonly #doors = new Set<Door>();
  readonly #requests = new FairShare(MOST_AT_ONCE);
  readonly #connections = new FairShare(MOST_CONNECTIONS);
  /** By namespace. */
  readonly #limits = new Map<string, ConnectionLimit>();

  /** Opens and closes as the EndpointSlices say, from now on. */
  constructor(deps: DoorsDeps) {
    this.#deps = deps;
    deps.slices.onChange((_, { metadata: { namespace = '', labels = {} } }) =>
      this.#look(namespace, labels[LABEL.pipeline] ?? ''),
    );
  }

  /** Why not all of them can be entered; undefined when they can. A port that somebody else has keeps one pipeline's shut, and is no reason. */
  get problem(): string | undefined {
    return [...this.#entrances.values()].every(({ door }) => !door || door.server.listening || door.blocked)
      ? undefined
      : 'ports are being opened';
  }

  /** Requests that wait or are being forwarded. */
  get busy(): number {
    return this.#requests.sum;
  }

  /** Lets nobody in any more. */
  shut(): void {
    for (const { server } of this.#doors) server.close();
  }

  end(): void {
    for (const { server } of this.#doors) server.closeAllConnections();
  }

  #look(namespace: string, name: string): void {
    const key = keyOf(namespace, name);
    const found = placeOf(this.#deps.slices, namespace, name);
    const known = this.#entrances.get(key);
    if (!found) return known && this.#forgetSoon(key, known);
    const entrance: Entrance = known ?? { endpoint: this.#endpoint(key, found.place) };
    this.#entrances.set(key, entrance);
    clearTimeout(entrance.closing);
    entrance.closing = undefined;
    if (entrance.door?.port !== found.port) {
      entrance.door?.server.close(); // who waits there is answered there
      entrance.door = found.port === undefined ? undefined : this.#open(key, found.port, entrance);
    }
    entrance.endpoint.update(found.place);
  }

  #forgetSoon(key: Key, entrance: Entrance): void {
    if (entrance.closing) return;
    entrance.endpoint.close();
    entrance.closing = setTimeout(() => {
      this.#entrances.delete(key);
      entrance.door?.server.close();
      entrance.door = undefined;
    }, CLOSE_AFTER_MS).unref();
  }

  #endpoint(pipeline: Key, place: Place): Endpoint {
    const { client, metrics, logger, onError } = this.#deps;
    const { namespace, name } = splitKey(pipeline);
    return new Endpoint(place, {
      pipeline: name,
      metrics,
      onError,
      wake: async (revision) => {
        const woken = await client.wake(namespace, revision);
        if (woken) logger.info('woken', { namespace, pipeline: name, revision });
        return woken;
      },
      standing: () => standingOf(client, namespace, name),
      enter: () => {
        if (!this.#requests.admits(namespace, 1)) return false;
        this.#requests.add(namespace, 1);
        return true;
      },
      leave: () => this.#requests.add(namespace, -1),
    });
  }

  /** Connections to all pipelines of a namespace: when it may have no more, its own silent ones make room. */
  #limitOf(namespace: string): ConnectionLimit {
    const known = this.#limits.get(namespace);
    if (known) return known;
    const limit = new ConnectionLimit({
      admits: () => this.#connections.admits(namespace, 1),
      add: (connections) => this.#connections.add(namespace, connections),
    });
    this.#limits.set(namespace, limit);
    return limit;
  }

  #open(pipeline: Key, port: number, entrance: Entrance): Door {
    const { namespace, name } = splitKey(pipeline);
    /** Connections with a request that has no whole answer yet. */
    const asking = new WeakSet<Socket>();
    const server = createServer(
      {
        headersTimeout: HEADERS_MS,
        requestTimeout: 0,
        connectionsCheckingInterval: 1_000,
        keepAliveTimeout: 5_000,
        highWaterMark: 16_384,
      },
      (request, response) => {
        const { socket } = request;
        if (asking.has(socket)) return void socket.destroy(); // pipelined: a forwarded answer ends the connection, so that this one could never be answered; the client asks again (RFC 9112 §9.3.2)
        asking.add(socket);
        response.once('close', () => asking.delete(socket));
        entrance.endpoint.take(new Held(request, response));
      },
    );
    this.#limitOf(namespace).guard(server);
    const door: Door = { port, server: server.listen(port) };
    this.#doors.add(door);
    server.on('close', () => this.#doors.delete(door));
    server.on('clientError', ({ code }: NodeJS.ErrnoException, socket) => refuseUnreadable(code, socket as Socket));
    server.on('error', (error) => {
      this.#deps.logger.error('a port of the activator cannot be opened', {
        port,
        namespace,
        pipeline: name,
        error: error.message,
      });
      door.blocked = true;
      setTimeout(() => entrance.door === door && server.listen(port), PORT_AGAIN_MS).unref();
    });
    return door;
  }
}

/** What the EndpointSlices say of a pipeline; undefined when it has no place here; without a port when somebody had that before. */
function placeOf(slices: Cache<Slice>, namespace: string, name: string): { port?: number; place: Place } | undefined {
  const all = slices.by(uses.service(namespace, name));
  const [own, service] = [
    all.find((slice) => isActivators(slice) && ownerKey(slice) === keyOf(namespace, name)),
    all.filter((slice) => !isActivators(slice)),
  ];
  const activation = own && parseActivation(own.metadata.annotations?.[ANNOTATION.activation]);
  const port = own && activatorPort(own);
  if (!activation || port === undefined) return undefined;
  const taken = slices.by(uses.port(port)).some((other) => age(other) < age(own));
  return {
    ...(!taken && { port }),
    place: {
      activation,
      pods: service.flatMap(readyAddresses),
      port: service[0]?.ports?.[0]?.port ?? 0,
      activators: readyAddresses(own).length,
    },
  };
}

/** The pipeline whose slice it is, by its controller: labels alone are anybody's. */
function ownerKey(slice: Slice): Key | undefined {
  const owner = controllerOf(slice);
  return owner?.kind === KIND.pipeline.kind ? keyOf(slice.metadata.namespace ?? '', owner.name) : undefined;
}

/** Why a pipeline serves or does not, in its own words. */
async function standingOf(
  client: Pick<KubeClient, 'get'>,
  namespace: string,
  name: string,
): Promise<Standing | 'gone'> {
  const pipeline = await client.get<InferencePipeline>(KIND.pipeline, namespace, name).catch(absent);
  if (!pipeline || pipeline.metadata.deletionTimestamp !== undefined) return 'gone';
  const said = pipeline.status?.conditions?.find(({ type }) => type === CONDITION.available);
  const current = said?.observedGeneration === pipeline.metadata.generation;
  const available = said?.status === 'True';
  return {
    available,
    reason: said?.reason ?? 'Unknown',
    message: said?.message ?? '',
    final: !available && current && isFinal(said?.reason ?? ''),
  };
}
