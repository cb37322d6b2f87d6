/** A server for each pipeline that may have no pods, on the port that its EndpointSlice names. */
import { createServer, type Server } from 'node:http';
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
import { Endpoint, type Place, type Standing } from './endpoint.ts';
import { Held } from './held.ts';
import type { ActivatorMetrics } from './metrics.ts';

/** Requests that wait or are on their way, of all pipelines: each may have some 64 KiB of its body in buffers. */
const MOST_AT_ONCE = 2_000;
const MOST_CONNECTIONS = 4_000;
const HEADERS_MS = 10_000;
const PORT_AGAIN_MS = 2_000;
/** A pipeline that always has pods now may still be sent here by nodes that have not heard of it. */
const CLOSE_AFTER_MS = 5_000;

interface Door {
  port: number;
  server: Server;
  endpoint: Endpoint;
  /** Its port could not be opened so far. */
  blocked?: boolean;
  /** Will be shut. */
  closing?: NodeJS.Timeout;
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
  readonly #doors = new Map<Key, Door>();
  #atOnce = 0;

  /** Opens and closes as the EndpointSlices say, from now on. */
  constructor(deps: DoorsDeps) {
    this.#deps = deps;
    deps.slices.onChange((_, { metadata: { namespace = '', labels = {} } }) => this.#look(namespace, labels[LABEL.pipeline] ?? ''));
  }

  /** Why not all of them can be entered; undefined when they can. A port that somebody else has keeps one pipeline's shut, and is no reason. */
  get problem(): string | undefined {
    return [...this.#doors.values()].every(({ server, blocked }) => server.listening || blocked) ? undefined : 'ports are being opened';
  }

  /** Requests that wait or are being forwarded. */
  get busy(): number {
    return this.#atOnce;
  }

  /** Lets nobody in any more. */
  shut(): void {
    for (const { server } of this.#doors.values()) server.close();
  }

  end(): void {
    for (const { server } of this.#doors.values()) server.closeAllConnections();
  }

  #look(namespace: string, name: string): void {
    const key = keyOf(namespace, name);
    const found = placeOf(this.#deps.slices, namespace, name);
    const door = this.#doors.get(key);
    if (door && door.port === found?.port) {
      clearTimeout(door.closing);
      delete door.closing;
      return door.endpoint.update(found.place);
    }
    if (door && !door.closing) this.#closeSoon(key, door);
    if (found) this.#doors.set(key, this.#open(key, found.port, found.place));
  }

  #closeSoon(key: Key, door: Door): void {
    door.endpoint.close();
    door.closing = setTimeout(() => {
      if (this.#doors.get(key) === door) this.#doors.delete(key);
      door.server.close();
    }, CLOSE_AFTER_MS).unref();
  }

  #open(pipeline: Key, port: number, place: Place): Door {
    const { client, metrics, logger, onError } = this.#deps;
    const { namespace, name } = splitKey(pipeline);
    const endpoint = new Endpoint(place, {
      pipeline: name, metrics, onError,
      wake: async (revision) => {
        const woken = await client.wake(namespace, revision);
        if (woken) logger.info('woken', { namespace, pipeline: name, revision });
        return woken;
      },
      standing: () => standingOf(client, namespace, name),
      enter: () => {
        if (this.#atOnce >= MOST_AT_ONCE) return false;
        this.#atOnce += 1;
        return true;
      },
      leave: () => void (this.#atOnce -= 1),
    });
    const server = createServer({ headersTimeout: HEADERS_MS, requestTimeout: 0, keepAliveTimeout: 5_000, highWaterMark: 16_384 }, (request, response) => endpoint.take(new Held(request, response)));
    server.maxConnections = MOST_CONNECTIONS;
    const door: Door = { port, server: server.listen(port), endpoint };
    server.on('error', (error) => {
      logger.error('a port of the activator cannot be opened', { port, namespace, pipeline: name, error: error.message });
      door.blocked = true;
      setTimeout(() => this.#doors.get(pipeline) === door && server.listen(port), PORT_AGAIN_MS).unref();
    });
    return door;
  }
}

/** What the EndpointSlices say of a pipeline; undefined when it has no port here, or somebody had it before. */
function placeOf(slices: Cache<Slice>, namespace: string, name: string): { port: number; place: Place } | undefined {
  const all = slices.by(uses.service(namespace, name));
  const [own, service] = [all.find((slice) => isActivators(slice) && ownerKey(slice) === keyOf(namespace, name)), all.filter((slice) => !isActivators(slice))];
  const activation = own && parseActivation(own.metadata.annotations?.[ANNOTATION.activation]);
  const port = own && activatorPort(own);
  if (!activation || port === undefined || slices.by(uses.port(port)).some((other) => age(other) < age(own))) return undefined;
  return { port, place: { activation, pods: service.flatMap(readyAddresses), port: service[0]?.ports?.[0]?.port ?? 0, activators: readyAddresses(own).length } };
}

/** The pipeline whose slice it is, by its controller: labels alone are anybody's. */
function ownerKey(slice: Slice): Key | undefined {
  const owner = controllerOf(slice);
  return owner?.kind === KIND.pipeline.kind ? keyOf(slice.metadata.namespace ?? '', owner.name) : undefined;
}

/** Why a pipeline serves or does not, in its own words. */
async function standingOf(client: Pick<KubeClient, 'get'>, namespace: string, name: string): Promise<Standing | 'gone'> {
  const pipeline = await client.get<InferencePipeline>(KIND.pipeline, namespace, name).catch(absent);
  if (!pipeline || pipeline.metadata.deletionTimestamp !== undefined) return 'gone';
  const said = pipeline.status?.conditions?.find(({ type }) => type === CONDITION.available);
  const current = said?.observedGeneration === pipeline.metadata.generation;
  const available = said?.status === 'True';
  return { available, reason: said?.reason ?? 'Unknown', message: said?.message ?? '', final: !available && current && isFinal(said?.reason ?? '') };
}
