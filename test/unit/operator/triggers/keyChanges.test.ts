/** When a change of a key Secret is noticed, and how often the API server is asked. */
import { expect } from 'chai';
import type { Key } from '@penstock/kube/api/keys';
import { followKeyChanges } from '../../../../operator/triggers/keyChanges.ts';

/** Follows these pipelines until `rounds` calls or pauses have been made. */
async function follow(pipelines: Key[], hasChanged: (pipeline: Key) => Promise<boolean>, steps: number) {
  const seen = { asked: [] as Key[], changed: [] as Key[], errors: [] as unknown[], pauses: [] as number[] };
  const ending = new AbortController();
  await followKeyChanges(
    {
      keys: {
        pipelines: () => pipelines,
        hasChanged: (pipeline) => {
          seen.asked.push(pipeline);
          return hasChanged(pipeline);
        },
      },
      onChange: (pipeline) => seen.changed.push(pipeline),
      onError: (error) => seen.errors.push(error),
      wait: (ms) => {
        seen.pauses.push(ms);
        if (seen.pauses.length > steps) ending.abort();
        return Promise.resolve();
      },
    },
    ending.signal,
  );
  return seen;
}
const same = () => Promise.resolve(false);

describe('changes of key Secrets', () => {
  it('each Secret is looked at in turn, all within eight seconds', async () => {
    const { asked, pauses, changed } = await follow(['ns/a', 'ns/b'], same, 4);
    expect(asked).to.deep.equal(['ns/a', 'ns/b', 'ns/a', 'ns/b']);
    expect(new Set(pauses)).to.deep.equal(new Set([4_000]));
    expect(changed).to.deep.equal([]);
  });

  it('a changed Secret triggers its pipeline', async () => {
    const { changed } = await follow(['ns/a', 'ns/b'], (pipeline) => Promise.resolve(pipeline === 'ns/b'), 2);
    expect(changed).to.deep.equal(['ns/b']);
  });

  it('a failed call is reported, and the next Secret is looked at', async () => {
    const { asked, errors, changed } = await follow(['ns/a', 'ns/b'], () => Promise.reject(new Error('500')), 2);
    expect(asked).to.deep.equal(['ns/a', 'ns/b']);
    expect(errors).to.have.length(2);
    expect(changed).to.deep.equal([]);
  });

  it('at most fifty calls are made in a second', async () => {
    const { pauses } = await follow(
      Array.from({ length: 1_000 }, (_, i) => `ns/${i}`),
      same,
      3,
    );
    expect(new Set(pauses)).to.deep.equal(new Set([20]));
  });

  it('without pipelines with keys no call is made', async () => {
    const { asked, pauses } = await follow([], same, 2);
    expect(asked).to.deep.equal([]);
    expect(new Set(pauses)).to.deep.equal(new Set([8_000]));
  });
});
