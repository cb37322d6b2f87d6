/** The order in which the activator ends. */
import { InProgress } from '@penstock/server/inProgress';
import { expect } from 'chai';
import { drain } from '../../../../operator/activator/drain.ts';
import { FakeClock } from '../../../support/fixtures/clock.ts';

function draining() {
  const clock = new FakeClock();
  const state = { stoppedAt: -1, ended: false };
  const [routes, requests] = [new InProgress(), new InProgress()];
  routes.set(1);
  requests.set(1);
  void drain(
    {
      unrouted: routes.none(),
      stopAccepting: () => void (state.stoppedAt = clock.now()),
      answered: () => requests.none(),
    },
    clock,
  ).then(() => (state.ended = true));
  return { clock, state, routes, requests };
}

describe('the activator at its end', () => {
  it('accepts connections until two seconds after the last slice named it', async () => {
    const { clock, state, routes } = draining();
    await clock.advance(10_000);
    routes.set(0);
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
    const { clock, state, routes, requests } = draining();
    routes.set(0);
    await clock.advance(3_000_000);
    expect(state.ended).to.equal(false);
    requests.set(0);
    await clock.advance(200);
    expect(state.ended).to.equal(true);
  });

  it('ends when no request can be in time any more', async () => {
    const { clock, state } = draining();
    await clock.advance(4_260_000);
    expect(state.ended).to.equal(true);
  });
});
