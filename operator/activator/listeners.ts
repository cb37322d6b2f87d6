/** A server for each pipeline that may have no pods, on the port that its EndpointSlice names. */
import { ConnectionLimit, rejectMalformedRequest } from '@penstock/contract';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'winston';
import { parseActivation } from '../api/activation.ts';
import { activatorPort, creationOrder, isActivatorSlice, readyAddresses, type Slice } from '../api/endpointSlices.ts';
import { ignoreNotFound, joinKey, splitKey, type Key } from '../api/flow.ts';
import { KIND } from '../api/kinds.ts';
import { ANNOTATION, LABEL, indexKey } from '../api/labels.ts';
import { controllerOf } from '../api/objects.ts';
import { CONDITION, isFinal } from '../api/reasons.ts';
import type { InferencePipeline } from '../api/types.gen.ts';
import type { Cache } from '../kube/cache.ts';
import type { KubeClient } from '../kube/client.ts';
import { FairShare } from '../queue/fairShare.ts';
import { PipelineQueue, type Backends, type Availability } from './pipelineQueue.ts';
import { BufferedRequest } from './bufferedRequest.ts';
import type { ActivatorMetrics } from './metrics.ts';

/** Requests that wait or are being forwarded, shared by all namespaces: each may have some 64 KiB of its body in buffers. */
const MAX_REQUESTS = 2_000;
/** At all ports together, shared by all namespaces: some 10 KiB each. */
const MAX_CONNECTIONS = 8_000;
/** Also for connections on which nothing comes: a pod keeps those for longer, but here there are so many and no more. */
const HEADERS_MS = 10_000;
const LISTEN_RETRY_MS = 2_000;
/** A pipeline that always has pods now may still be sent here by nodes that have not heard of it. */
const CLOSE_AFTER_MS = 5_000;

interface Listener {
  port: number;
  server: Server;
  /** Its port could not be opened so far. */
  failed?: boolean;
}
/** A pipeline keeps its endpoint, and all who wait there, when it has to take another door. */
interface PipelineListener {
  queue: PipelineQueue;
  /** None while its port is an older pipeline's. */
  listener?: Listener | undefined;
  /** Will be forgotten. */
  closing?: NodeJS.Timeout | undefined;
}

export interface ActivatorListenersDeps {
  slices: Cache<Slice>;
  client: Pick<KubeClient, 'scaleFromZero' | 'get'>;
  metrics: ActivatorMetrics;
  logger: Logger;
  onError: (error: unknown) => undefined;
}

export class ActivatorListeners {
  readonly #deps: ActivatorListenersDeps;
  readonly #pipelines = new Map<Key, PipelineListener>();
  /** Those, too, that are shut and still have somebody in them. */
  readonly #listeners = new Set<Listener>();
  readonly #requests = new FairShare(MAX_REQUESTS);
  readonly #connections = new FairShare(MAX_CONNECTIONS);
  /** By namespace. */
  readonly #limits = new Map<string, ConnectionLimit>();

  /** Opens and closes as the EndpointSlices say, from now on. */
  constructor(deps: ActivatorListenersDeps) {
    this.#deps = deps;
    deps.slices.onChange((_, { metadata: { namespace = '', labels = {} } }) =>
      this.#sync(namespace, labels[LABEL.pipeline] ?? ''),
    );
  }

  /** Why not all of them can be entered; undefined when they can. A port that somebody else has keeps one pipeline's shut, and is no reason. */
  get notReadyReason(): string | undefined {
    return [...this.#pipelines.values()].every(
      ({ listener }) => !listener || listener.server.listening || listener.failed,
    )
      ? undefined
      : 'ports are being opened';
  }

  /** Requests that wait or are being forwarded. */
  get inFlight(): number {
    return this.#requests.sum;
  }

  /** Lets nobody in any more. */
  stopAccepting(): void {
    for (const { server } of this.#listeners) server.close();
  }

  closeConnections(): void {
    for (const { server } of this.#listeners) server.closeAllConnections();
  }

  #sync(namespace: string, name: string): void {
    const key = joinKey(namespace, name);
    const found = backendsOf(this.#deps.slices, namespace, name);
    const known = this.#pipelines.get(key);
    if (!found) return known && this.#closeLater(key, known);
    const entrance: PipelineListener = known ?? { queue: this.#newQueue(key, found.place) };
    this.#pipelines.set(key, entrance);
    clearTimeout(entrance.closing);
    entrance.closing = undefined;
    if (entrance.listener?.port !== found.port) {
      entrance.listener?.server.close(); // who waits there is answered there
      entrance.listener = found.port === undefined ? undefined : this.#listen(key, found.port, entrance);
    }
    entrance.queue.update(found.place);
  }

  #closeLater(key: Key, entrance: PipelineListener): void {
    if (entrance.closing) return;
    entrance.queue.close();
    entrance.closing = setTimeout(() => {
      this.#pipelines.delete(key);
      entrance.listener?.server.close();
      entrance.listener = undefined;
    }, CLOSE_AFTER_MS).unref();
  }

  #newQueue(pipeline: Key, place: Backends): PipelineQueue {
    const { client, metrics, logger, onError } = this.#deps;
    const { namespace, name } = splitKey(pipeline);
    return new PipelineQueue(place, {
      pipeline: name,
      metrics,
      onError,
      scaleFromZero: async (revision) => {
        const woken = await client.scaleFromZero(namespace, revision);
        if (woken) logger.info('woken', { namespace, pipeline: name, revision });
        return woken;
      },
      availability: () => availabilityOf(client, namespace, name),
      reserve: () => {
        if (!this.#requests.admits(namespace, 1)) return false;
        this.#requests.add(namespace, 1);
        return true;
      },
      release: () => this.#requests.add(namespace, -1),
    });
  }

  /** Connections to all pipelines of a namespace: when it may have no more, its own silent ones make room. */
  #connectionLimit(namespace: string): ConnectionLimit {
    const known = this.#limits.get(namespace);
    if (known) return known;
    const limit = new ConnectionLimit({
      admits: () => this.#connections.admits(namespace, 1),
      add: (connections) => this.#connections.add(namespace, connections),
    });
    this.#limits.set(namespace, limit);
    return limit;
  }

  #listen(pipeline: Key, port: number, entrance: PipelineListener): Listener {
    const { namespace, name } = splitKey(pipeline);
    /** Connections with a request that has no whole answer yet. */
    const unanswered = new WeakSet<Socket>();
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
        if (unanswered.has(socket)) return void socket.destroy(); // pipelined: a forwarded answer ends the connection, so that this one could never be answered; the client asks again (RFC 9112 §9.3.2)
        unanswered.add(socket);
        response.once('close', () => unanswered.delete(socket));
        entrance.queue.handle(new BufferedRequest(request, response));
      },
    );
    this.#connectionLimit(namespace).guard(server);
    const door: Listener = { port, server: server.listen(port) };
    this.#listeners.add(door);
    server.on('close', () => this.#listeners.delete(door));
    server.on('clientError', ({ code }: NodeJS.ErrnoException, socket) =>
      rejectMalformedRequest(code, socket as Socket),
    );
    server.on('error', (error) => {
      this.#deps.logger.error('a port of the activator cannot be opened', {
        port,
        namespace,
        pipeline: name,
        error: error.message,
      });
      door.failed = true;
      setTimeout(() => entrance.listener === door && server.listen(port), LISTEN_RETRY_MS).unref();
    });
    return door;
  }
}

/** What the EndpointSlices say of a pipeline; undefined when it has no place here; without a port when somebody had that before. */
function backendsOf(
  slices: Cache<Slice>,
  namespace: string,
  name: string,
): { port?: number; place: Backends } | undefined {
  const all = slices.byIndex(indexKey.service(namespace, name));
  const [own, service] = [
    all.find((slice) => isActivatorSlice(slice) && ownerKey(slice) === joinKey(namespace, name)),
    all.filter((slice) => !isActivatorSlice(slice)),
  ];
  const activation = own && parseActivation(own.metadata.annotations?.[ANNOTATION.activation]);
  const port = own && activatorPort(own);
  if (!activation || port === undefined) return undefined;
  const taken = slices.byIndex(indexKey.port(port)).some((other) => creationOrder(other) < creationOrder(own));
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
  return owner?.kind === KIND.pipeline.kind ? joinKey(slice.metadata.namespace ?? '', owner.name) : undefined;
}

/** Why a pipeline serves or does not, in its own words. */
async function availabilityOf(
  client: Pick<KubeClient, 'get'>,
  namespace: string,
  name: string,
): Promise<Availability | 'gone'> {
  const pipeline = await client.get<InferencePipeline>(KIND.pipeline, namespace, name).catch(ignoreNotFound);
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
