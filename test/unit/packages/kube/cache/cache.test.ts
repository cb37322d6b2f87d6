/** The cache never goes back in time, whatever order it is told things in. */
import { expect } from 'chai';
import { Cache } from '@penstock/kube/cache/cache';
import { memoryOf } from '@penstock/kube/cache/memory';
import { FairShare } from '@penstock/kube/cache/fairShare';

const object = (uid: string, version: number) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'a', name: 's', uid, resourceVersion: String(version) },
});

describe('the cache of a kind', () => {
  let cache: Cache<ReturnType<typeof object>>;
  const version = (): string | undefined => cache.get('a', 's')?.metadata.resourceVersion;
  beforeEach(() => {
    cache = new Cache();
    cache.put(object('one', 5));
  });

  it('an older version of a cached object is dropped', () => {
    cache.put(object('one', 4));
    expect(version()).to.equal('5');
  });
  it('a deleted object does not come back by an older event', () => {
    cache.remove('a/s', 'one', 7);
    cache.put(object('one', 6));
    expect(version()).to.equal(undefined);
  });
  it('an object that left the selection and came back is added', () => {
    cache.remove('a/s', 'one', 7);
    cache.put(object('one', 8));
    expect(version()).to.equal('8');
  });
  it('an own deletion: older events are dropped, a deletionTimestamp is accepted', () => {
    cache.remove('a/s', 'one', Infinity);
    cache.put(object('one', 6));
    expect(version()).to.equal(undefined);
    cache.put({
      ...object('one', 7),
      metadata: { ...object('one', 7).metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    } as ReturnType<typeof object>);
    expect(version()).to.equal('7');
  });
  it('the deletion of an older object does not remove a newer one of the same name', () => {
    cache.put(object('two', 9));
    cache.remove('a/s', 'one', 8);
    expect(version()).to.equal('9');
  });
  it('an object on which an index or a listener throws is cached and reported; other objects are not affected', () => {
    const reported: string[] = [];
    const told: string[] = [];
    const fails = ({ metadata }: ReturnType<typeof object>): string[] => {
      if (metadata.uid === 'bad') throw new Error('no words');
      return [metadata.uid];
    };
    cache = new Cache(fails, ({ message }) => reported.push(message));
    cache.onChange((_, { metadata }) => {
      told.push(metadata.uid);
      if (metadata.uid === 'two') throw new Error('not taken');
    });
    for (const [uid, name] of [
      ['bad', 'a'],
      ['two', 'b'],
      ['good', 'c'],
    ] as const)
      cache.put({ ...object(uid, 5), metadata: { ...object(uid, 5).metadata, name } });
    cache.remove('a/a', 'bad', 6);
    expect(told).to.deep.equal(['bad', 'two', 'good', 'bad']);
    expect(cache.byIndex('good')).to.have.length(1);
    expect(reported)
      .to.include('Service a/a cannot be indexed or handled: no words')
      .and.to.include('Service a/b cannot be indexed or handled: not taken');
  });
  it('an object of any depth is frozen', () => {
    let deep: object = {};
    for (let i = 0; i < 200_000; i++) deep = { deep };
    const one = { ...object('deep', 9), spec: deep };
    cache = new Cache();
    cache.put(one);
    expect(Object.isFrozen(one.spec)).to.equal(true);
  });
  describe('with a budget', () => {
    const named = (namespace: string, name: string, bytes: number) => ({
      ...object(name, 5),
      metadata: { ...object(name, 5).metadata, namespace, name, annotations: { text: 'x'.repeat(bytes) } },
    });
    let reported: string[];
    beforeEach(() => {
      reported = [];
      cache = new Cache(undefined, ({ message }) => reported.push(message), new FairShare(30_000));
    });

    it('one namespace may take two thirds of the budget, and another one still has room', () => {
      for (let i = 0; i < 30; i++) cache.put(named('greedy', `o${i}`, 1_000));
      cache.put(named('modest', 'o', 1_000));
      expect([...cache.values()].filter(({ metadata }) => metadata.namespace === 'greedy')).to.have.length.within(
        12,
        17,
      );
      expect(cache.get('modest', 'o')).not.to.equal(undefined);
      expect(cache.omitted('greedy')).to.include('o29');
      expect(cache.omitted('modest')).to.deep.equal([]);
    });
    it('an object without memory is reported by name, and its older version is removed', () => {
      cache.put(named('a', 'o', 10));
      cache.put({
        ...named('a', 'o', 40_000),
        metadata: { ...named('a', 'o', 40_000).metadata, resourceVersion: '6' },
      });
      expect(cache.get('a', 'o')).to.equal(undefined);
      expect(reported).to.have.length(1);
      expect(reported[0]).to.match(/^Service a\/o takes 0\.0 MiB of memory, and namespace a has no room for it/);
    });
    it('memory of a deleted object is available again', () => {
      cache.put(named('a', 'first', 15_000));
      cache.put(named('a', 'second', 15_000));
      expect(cache.hasRoomAgain()).to.equal(false);
      cache.remove('a/first', 'first', 6);
      expect(cache.hasRoomAgain()).to.equal(true);
      cache.put(named('a', 'second', 15_000));
      expect(cache.omitted('a')).to.deep.equal([]);
    });
    it('an object that does not grow stays cached without free memory', () => {
      cache.put(named('a', 'o', 12_000));
      cache.put(named('b', 'o', 9_000));
      cache.put({
        ...named('a', 'o', 12_000),
        metadata: { ...named('a', 'o', 12_000).metadata, resourceVersion: '6' },
      });
      cache.put({
        ...named('a', 'o', 11_000),
        metadata: { ...named('a', 'o', 11_000).metadata, resourceVersion: '7' },
      });
      expect(cache.get('a', 'o')?.metadata.resourceVersion).to.equal('7');
      expect(cache.omitted('a')).to.deep.equal([]);
    });
    it('an object that was deleted unnoticed is removed by the next list', () => {
      for (const name of ['gone', 'there']) cache.put(named('a', name, 40_000));
      cache.listBegins();
      expect(cache.omitted('a'), 'until the list is complete').to.have.length(2);
      cache.put(named('a', 'there', 40_000));
      cache.listEnds(new Set(['a/there']));
      expect(cache.omitted('a')).to.deep.equal(['there']);
    });
    it('omitted objects above the name limit are remembered when the named ones are deleted', () => {
      for (let i = 0; i < 1_001; i++) cache.put(named('a', `o${i}`, 40_000));
      for (let i = 0; i < 1_000; i++) cache.remove(`a/o${i}`, `o${i}`, 6);
      expect(cache.omitted('a')).to.deep.equal(['…']);
      expect(cache.hasRoomAgain()).to.equal(true);
      cache.listBegins();
      cache.put(named('a', 'o1000', 10));
      cache.listEnds(new Set(['a/o1000']));
      expect(cache.omitted('a')).to.deep.equal([]);
    });
    it('names of a large map count, and two bytes for each character that needs them', () => {
      const labels = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`${'x'.repeat(100)}${i}`, '']));
      expect(memoryOf(labels)).to.be.greaterThan(150_000);
      expect(memoryOf('ü'.repeat(100)) - memoryOf('x'.repeat(100))).to.equal(0);
      expect(memoryOf('字'.repeat(100)) - memoryOf('x'.repeat(100))).to.equal(100);
    });
    it('a deleted object is no longer omitted', () => {
      cache.put(named('a', 'o', 40_000));
      cache.remove('a/o', 'o', 6);
      expect(cache.omitted('a')).to.deep.equal([]);
    });
    it('an object of any depth can be weighed', () => {
      let deep: object = {};
      for (let i = 0; i < 200_000; i++) deep = { deep };
      expect(memoryOf(deep)).to.equal(16 * 200_001);
    });
  });
  it('cached objects are frozen at any depth', () =>
    expect(Object.isFrozen(cache.get('a', 's')!.metadata)).to.equal(true));
});

describe('an index', () => {
  const labelled = (version: number, ...keys: string[]) => ({ ...object('one', version), keys });
  const found = (cache: Cache<ReturnType<typeof labelled>>, key: string): string[] =>
    cache.byIndex(key).map(({ metadata }) => metadata.resourceVersion);

  it('has an object under its keys of now, and under no older one', () => {
    const cache = new Cache<ReturnType<typeof labelled>>(({ keys }) => keys);
    cache.put(labelled(1, 'a', 'b'));
    cache.put(labelled(2, 'b', 'c'));
    expect(['a', 'b', 'c'].map((key) => found(cache, key))).to.deep.equal([[], ['2'], ['2']]);
    cache.remove('a/s');
    expect(['a', 'b', 'c'].map((key) => found(cache, key))).to.deep.equal([[], [], []]);
  });
});
