/** Gives each pipeline its port of the activator: the port in its EndpointSlice, or a free one. */
import { createHash } from 'node:crypto';
import { ACTIVATOR_PORTS } from '../api/activation.ts';
import { activatorPort, creationOrder, type Slice } from '../api/endpointSlices.ts';
import { joinKey, splitKey, type Key } from '@penstock/kube/api/keys';
import { indexKey } from '../api/labels.ts';
import { names } from '../desired/names.ts';
import type { Caches } from '../caches/kube.ts';

export class PortAllocator {
  readonly #slices: Caches['endpointSlices'];
  /** Ports that were given and may not be in a slice yet. */
  readonly #reserved = new Map<number, Key>();

  constructor(slices: Caches['endpointSlices']) {
    this.#slices = slices;
  }

  /** The pipeline's port, which stays the same while its slice exists. Undefined when all ports are taken. */
  port(pipeline: Key): number | undefined {
    const { namespace, name } = splitKey(pipeline);
    const slice = this.#slices.get(namespace, names.activator(name));
    const written = slice && activatorPort(slice);
    if (written !== undefined && !this.#isTaken(pipeline, written, slice)) return written;
    const from = createHash('sha256').update(pipeline).digest().readUInt32BE(0);
    for (let i = 0; i < ACTIVATOR_PORTS.count; i++) {
      const port = ACTIVATOR_PORTS.first + ((from + i) % ACTIVATOR_PORTS.count);
      if (this.#isTaken(pipeline, port, undefined)) continue;
      this.#reserved.set(port, pipeline);
      return port;
    }
    return undefined;
  }

  /** Frees the port of a deleted pipeline. */
  forget(pipeline: Key): void {
    for (const [port, owner] of this.#reserved) if (owner === pipeline) this.#reserved.delete(port);
  }

  /** Whether another pipeline has the port: an older slice names it, or it was given and is in no slice yet. */
  #isTaken(pipeline: Key, port: number, slice: Slice | undefined): boolean {
    const others = this.#slices
      .byIndex(indexKey.port(port))
      .filter(
        ({ metadata }) =>
          joinKey(metadata.namespace ?? '', metadata.name) !==
          joinKey(splitKey(pipeline).namespace, names.activator(splitKey(pipeline).name)),
      );
    if (others.some((other) => slice === undefined || creationOrder(other) < creationOrder(slice))) return true;
    return slice === undefined && (this.#reserved.get(port) ?? pipeline) !== pipeline;
  }
}
