/** The listener of a pipeline on a clock that the test moves. */
import { Cache } from '@penstock/kube/cache/cache';
import { jsonLogger } from '@penstock/server/logger';
import { expect } from 'chai';
import { connect } from 'node:net';
import { Registry } from 'prom-client';
import { ActivatorListeners } from '../../../../operator/activator/listeners.ts';
import { activatorMetrics } from '../../../../operator/activator/metrics.ts';
import type { Slice } from '../../../../operator/api/endpointSlices.ts';
import { endpointSliceKeys } from '../../../../operator/caches/indexes.ts';
import { FakeClock } from '../../../support/fixtures/clock.ts';
import { openDoor } from '../../../support/fixtures/door.ts';
import { pipeline } from '../../../support/fixtures/objects.ts';

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** A listener for one pipeline, and its slice. */
async function listening() {
  const clock = new FakeClock();
  const slices = new Cache<Slice>(endpointSliceKeys);
  const listeners = new ActivatorListeners({
    slices,
    metrics: activatorMetrics(new Registry()),
    logger: jsonLogger('silent'),
    onError: () => undefined,
    client: { scaleFromZero: () => Promise.resolve(false), get: () => Promise.resolve(pipeline() as never) },
    clock,
  });
  const { port, end } = await openDoor(0, 'ns', slices, listeners);
  const [slice] = [...slices.values()];
  const remove = (): void => slices.remove(`ns/${slice!.metadata.name}`);
  const restore = (): void =>
    slices.put({ ...slice!, metadata: { ...slice!.metadata, uid: 'another', resourceVersion: '9' } });
  return { clock, port, end, remove, restore };
}

describe('the listener of a pipeline', () => {
  it('closes five seconds after its slice is gone, because nodes may still send requests', async () => {
    const { clock, port, end, remove } = await listening();
    remove();
    await clock.advance(4_999);
    expect(await accepts(port)).to.equal(true);
    await clock.advance(1);
    expect(await accepts(port)).to.equal(false);
    end();
  });

  it('stays open when the slice is back within that time', async () => {
    const { clock, port, end, remove, restore } = await listening();
    remove();
    await clock.advance(3_000);
    restore();
    await clock.advance(10_000);
    expect(await accepts(port)).to.equal(true);
    end();
  });
});
