/** The order in which the activator ends. */
import { expect } from 'chai';
import { drain } from '../../../../operator/activator/drain.ts';
import { FakeClock } from '../../../support/fixtures/clock.ts';

function draining() {
  const clock = new FakeClock();
  const state = { routed: true, inFlight: 1, stoppedAt: -1, ended: false };
  void drain(
    {
      isRouted: () => state.routed,
      stopAccepting: () => void (state.stoppedAt = clock.now()),
      inFlight: () => state.inFlight,
    },
    clock,
  ).then(() => (state.ended = true));
  return { clock, state };
}

describe('the activator at its end', () => {
  it('accepts connections until two seconds after the last slice named it', async () => {
    const { clock, state } = draining();
    await clock.advance(10_000);
    state.routed = false;
    await clock.advance(1_990);
    expect(state.stoppedAt).to.equal(-1);
    await clock.advance(60);
    expect(state.stoppedAt).to.be.within(12_000, 12_050);
  });

  it('waits for slices for 20 s at most', async () => {
    const { clock, state } = draining();
    await clock.advance(22_050);
    expect(state.stoppedAt).to.be.within(22_000, 22_050);
  });

  it('ends once every request has a response', async () => {
    const { clock, state } = draining();
    state.routed = false;
    await clock.advance(3_000_000);
    expect(state.ended).to.equal(false);
    state.inFlight = 0;
    await clock.advance(200);
    expect(state.ended).to.equal(true);
  });

  it('ends when no request can be in time any more', async () => {
    const { clock, state } = draining();
    await clock.advance(3_720_000);
    expect(state.ended).to.equal(true);
  });
});
