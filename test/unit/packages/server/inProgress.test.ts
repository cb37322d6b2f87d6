import { InProgress, noneOf } from '@penstock/server/inProgress';
import { expect } from 'chai';
import { setImmediate as turn } from 'node:timers/promises';

/** Whether the promise is resolved by the next turn of the event loop. */
async function isResolved(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true), turn(false)]);
}

describe('things in progress', () => {
  it('none() resolves at once when there are none', async () => {
    expect(await isResolved(new InProgress().none())).to.equal(true);
  });

  it('none() resolves for all who wait when the last one ends', async () => {
    const requests = new InProgress();
    requests.add(1);
    requests.add(1);
    const waiting = [requests.none(), requests.none()];
    requests.add(-1);
    expect(requests.count).to.equal(1);
    expect(await isResolved(waiting[0]!)).to.equal(false);
    requests.add(-1);
    expect(await isResolved(Promise.all(waiting))).to.equal(true);
  });

  it('noneOf() waits for a moment at which all are 0', async () => {
    const [responses, running] = [new InProgress(), new InProgress()];
    responses.set(1);
    const none = noneOf(responses, running);
    await turn();
    running.set(2);
    responses.set(0);
    expect(await isResolved(none)).to.equal(false);
    running.set(0);
    expect(await isResolved(none)).to.equal(true);
  });
});
