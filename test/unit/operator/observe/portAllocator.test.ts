/** A port of the activator stands for one pipeline, and for no other. */
import { expect } from 'chai';
import { ACTIVATOR_PORTS } from '../../../../operator/api/activation.ts';
import type { Slice } from '../../../../operator/api/endpointSlices.ts';
import { activationOf, activatorSlice } from '../../../../operator/desired/activator.ts';
import { effective } from '../../../../operator/desired/effective.ts';
import { Cache } from '@penstock/kube/cache/cache';
import { endpointSliceKeys } from '../../../../operator/caches/indexes.ts';
import { PortAllocator } from '../../../../operator/observe/portAllocator.ts';
import { pipeline } from '../../../support/fixtures/objects.ts';

function sliceOf(name: string, port: number, creationTimestamp: string): Slice {
  const owner = { ...pipeline(), metadata: { name, namespace: 'ns', uid: `uid-${name}` } };
  const slice = activatorSlice(
    owner,
    { port, addresses: [], addressType: 'IPv4' },
    activationOf('r', effective(owner.spec), []),
  );
  return { ...slice, metadata: { ...slice.metadata, uid: `slice-${name}`, resourceVersion: '1', creationTimestamp } };
}

describe('ports of the activator', () => {
  let slices: Cache<Slice>;
  let book: PortAllocator;
  beforeEach(() => {
    slices = new Cache(endpointSliceKeys);
    book = new PortAllocator(slices);
  });

  it('a pipeline keeps its port, also with another leader', () => {
    const port = book.port('ns/a');
    expect(book.port('ns/a')).to.equal(port);
    expect(new PortAllocator(slices).port('ns/a')).to.equal(port);
  });

  it('what the slice says is kept, whatever a new one would be', () => {
    slices.put(sliceOf('a', 20_123, '2026-11-23T12:00:00Z'));
    expect(book.port('ns/a')).to.equal(20_123);
  });

  it('a port in use is not allocated again', () => {
    const port = new PortAllocator(slices).port('ns/a')!;
    slices.put(sliceOf('b', port, '2026-11-23T12:00:00Z'));
    expect(book.port('ns/a')).to.not.equal(port);
    const all = new Set(Array.from({ length: 2000 }, (_, i) => book.port(`ns/p${i}`)));
    expect(all.size).to.equal(2000);
  });

  it('of two slices with one port, the older keeps it', () => {
    slices.put(sliceOf('old', 20_123, '2026-11-23T12:00:00Z'));
    slices.put(sliceOf('new', 20_123, '2026-11-23T13:00:00Z'));
    expect(book.port('ns/old')).to.equal(20_123);
    expect(book.port('ns/new')).to.not.equal(20_123);
  });

  it('a port out of the range is no port', () => {
    slices.put(sliceOf('a', 80, '2026-11-23T12:00:00Z'));
    expect(book.port('ns/a')).to.be.at.least(ACTIVATOR_PORTS.first);
  });

  it('no port is free when all are taken; a forgotten one is free again', () => {
    for (let i = 0; i < ACTIVATOR_PORTS.count; i++) book.port(`ns/p${i}`);
    expect(book.port('ns/one-more')).to.equal(undefined);
    book.forget('ns/p77');
    expect(book.port('ns/one-more')).to.be.a('number');
  });
});
