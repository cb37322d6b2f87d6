/** One HTTP listener for each pipeline that may have no pods, on the port that its EndpointSlice names. */
import { ConnectionLimit } from '@penstock/server/connectionLimit';
import { InProgress } from '@penstock/server/inProgress';
import { rejectMalformedRequest } from '@penstock/server/malformedRequest';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { systemClock, type Clock, type Timer } from '@penstock/server/clock';
import type { Logger } from '@penstock/server/logger';
import type { Slice } from '../api/endpointSlices.ts';
import { joinKey, splitKey, type Key } from '@penstock/kube/api/keys';
import { LABEL } from '../api/labels.ts';
import type { Cache } from '@penstock/kube/cache/cache';
import type { KubeClient } from '@penstock/kube/client/client';
import { FairShare } from '@penstock/kube/cache/fairShare';
import { availabilityOf, backendsOf, type Backends } from './backends.ts';
import { PipelineQueue } from './pipelineQueue.ts';
import { BufferedRequest } from './bufferedRequest.ts';
import { forward } from './forward.ts';
import type { ActivatorMetrics } from './metrics.ts';

/**
 * Requests that are queued or forwarded, shared by all namespaces: each may hold some 64 KiB of its body in buffers.
 */
const MAX_REQUESTS = 2_000;
/** On all ports together, shared by all namespaces: some 10 KiB each. */
const MAX_CONNECTIONS = 8_000;
/** Also for connections without any byte; a pod keeps those longer, but all pipelines share these. */
const HEADERS_MS = 10_000;
const LISTEN_RETRY_MS = 2_000;
/** Nodes may still send requests for a pipeline here after its EndpointSlice is gone. */
const CLOSE_AFTER_MS = 5_000;

interface Listener {
  port: number;
  server: Server;
  /** Its port could not be opened so far, because another process has it. */
  failed?: boolean;
}
/** A pipeline keeps its queue when its port changes. */
interface PipelineListener {
  queue: PipelineQueue;
  /** Undefined while an older pipeline has the port. */
  listener?: Listener | undefined;
  /** Runs while the pipeline is about to be removed. */
  closing?: Timer | undefined;
}

export interface ActivatorListenersDeps {
  slices: Cache<Slice>;
  client: Pick<KubeClient, 'scaleFromZero' | 'get'>;
  metrics: ActivatorMetrics;
  logger: Logger;
  onError: (error: unknown) => undefined;
  clock?: Clock;
}

export class ActivatorListeners {
  readonly #deps: ActivatorListenersDeps;
  readonly #clock: Clock;
  readonly #pipelines = new Map<Key, PipelineListener>();
  /** Includes listeners that accept no connections any more and still have open ones. */
  readonly #listeners = new Set<Listener>();
  readonly #requests = new FairShare(MAX_REQUESTS);
  /** Requests that are queued or forwarded. */
  readonly inFlight = new InProgress();
  readonly #connections = new FairShare(MAX_CONNECTIONS);
  /** By namespace. */
  readonly #limits = new Map<string, ConnectionLimit>();

  /** Follows the EndpointSlices from now on. */
  constructor(deps: ActivatorListenersDeps) {
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
    deps.slices.onChange((_, { metadata: { namespace = '', labels = {} } }) =>
      this.#sync(namespace, labels[LABEL.pipeline] ?? ''),
    );
  }

  /**
   * Readiness: undefined when every listener is bound. A port conflict affects one pipeline and does not fail
   * readiness.
   */
  get notReadyReason(): string | undefined {
    return [...this.#pipelines.values()].every(
      ({ listener }) => !listener || listener.server.listening || listener.failed,
    )
      ? undefined
      : 'ports are being opened';
  }

  /** Accepts no further connections. */
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
    const opened: PipelineListener = known ?? { queue: this.#newQueue(key, found.backends) };
    this.#pipelines.set(key, opened);
    opened.closing?.clear();
    opened.closing = undefined;
    if (opened.listener?.port !== found.port) {
      opened.listener?.server.close(); // its open connections are served to the end
      opened.listener = found.port === undefined ? undefined : this.#listen(key, found.port, opened);
    }
    opened.queue.update(found.backends);
  }

  #closeLater(key: Key, opened: PipelineListener): void {
    if (opened.closing) return;
    opened.queue.close();
    opened.closing = this.#clock.setTimer(() => {
      this.#pipelines.delete(key);
      opened.listener?.server.close();
      opened.listener = undefined;
    }, CLOSE_AFTER_MS);
  }

  #newQueue(pipeline: Key, backends: Backends): PipelineQueue {
    const { client, metrics, logger, onError } = this.#deps;
    const { namespace, name } = splitKey(pipeline);
    return new PipelineQueue(backends, {
      pipeline: name,
      metrics,
      onError,
      forward,
      clock: this.#clock,
      scaleFromZero: async (revision) => {
        const woken = await client.scaleFromZero(namespace, revision);
        if (woken) logger.info('woken', { namespace, pipeline: name, revision });
        return woken;
      },
      availability: () => availabilityOf(client, namespace, name),
      reserve: () => {
        if (!this.#requests.admits(namespace, 1)) return false;
        this.#requests.add(namespace, 1);
        this.inFlight.add(1);
        return true;
      },
      release: () => {
        this.#requests.add(namespace, -1);
        this.inFlight.add(-1);
      },
    });
  }

  /**
   * The connections to all pipelines of a namespace; at the limit, its own idle connections are closed for new ones.
   */
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

  #listen(pipeline: Key, port: number, opened: PipelineListener): Listener {
    const { namespace, name } = splitKey(pipeline);
    /** Connections with a request whose response is not complete. */
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
        // Pipelining: the forwarded response closes the connection, so a second request could never be answered. The
        // client sends it again (RFC 9112 §9.3.2).
        if (unanswered.has(socket)) return void socket.destroy();
        unanswered.add(socket);
        response.once('close', () => unanswered.delete(socket));
        opened.queue.handle(new BufferedRequest(request, response, this.#clock));
      },
    );
    this.#connectionLimit(namespace).guard(server);
    const listener: Listener = { port, server: server.listen(port) };
    this.#listeners.add(listener);
    server.on('close', () => this.#listeners.delete(listener));
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
      listener.failed = true;
      this.#clock.setTimer(() => opened.listener === listener && server.listen(port), LISTEN_RETRY_MS);
    });
    return listener;
  }
}
