/** The cache never goes back in time, whatever order it is told things in. */
import { expect } from 'chai';
import { Cache } from '../../../../operator/kube/cache.ts';

const object = (uid: string, version: number) => ({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'a', name: 's', uid, resourceVersion: String(version) } });

describe('the cache of a kind', () => {
  let cache: Cache<ReturnType<typeof object>>;
  const version = (): string | undefined => cache.get('a', 's')?.metadata.resourceVersion;
  beforeEach(() => {
    cache = new Cache();
    cache.put(object('one', 5));
  });

  it('an older version of what is there is dropped', () => {
    cache.put(object('one', 4));
    expect(version()).to.equal('5');
  });
  it('what was deleted does not come back by an old event', () => {
    cache.remove('a/s', 'one', 7);
    cache.put(object('one', 6));
    expect(version()).to.equal(undefined);
  });
  it('one that went out of the selection and came back is new', () => {
    cache.remove('a/s', 'one', 7);
    cache.put(object('one', 8));
    expect(version()).to.equal('8');
  });
  it('what we deleted ourselves does not come back by an event that was on its way; that it is going away is news', () => {
    cache.remove('a/s', 'one', Infinity);
    cache.put(object('one', 6));
    expect(version()).to.equal(undefined);
    cache.put({ ...object('one', 7), metadata: { ...object('one', 7).metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } } as ReturnType<typeof object>);
    expect(version()).to.equal('7');
  });
  it('a deletion of the one before says nothing about its successor', () => {
    cache.put(object('two', 9));
    cache.remove('a/s', 'one', 8);
    expect(version()).to.equal('9');
  });
  it('what it holds is frozen to the leaves', () => expect(Object.isFrozen(cache.get('a', 's')!.metadata)).to.equal(true));
});
