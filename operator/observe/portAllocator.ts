/** Which port of the activator stands for which pipeline: what its EndpointSlice says, or a free one. */
import { createHash } from 'node:crypto';
import { ACTIVATOR_PORTS } from '../api/activation.ts';
import { activatorPort, creationOrder, type Slice } from '../api/endpointSlices.ts';
import { joinKey, splitKey, type Key } from '../api/flow.ts';
import { indexKey } from '../api/labels.ts';
import { names } from '../desired/names.ts';
import type { Caches } from '../kube/kube.ts';

export class PortAllocator {
  readonly #slices: Caches['endpointSlices'];
  /** Given, and perhaps not in a slice yet. */
  readonly #reserved = new Map<number, Key>();

  constructor(slices: Caches['endpointSlices']) {
    this.#slices = slices;
  }

  /** The pipeline's port, the same for as long as its slice is there; undefined when all are taken. */
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

  /** For a pipeline that is gone. */
  forget(pipeline: Key): void {
    for (const [port, owner] of this.#reserved) if (owner === pipeline) this.#reserved.delete(port);
  }

  /** Another pipeline's slice has the port, and had it before `slice`; or it is given to one that has no slice yet. */
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
