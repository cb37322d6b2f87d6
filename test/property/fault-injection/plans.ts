/** Plans out of recorded runs: one fault at each write and at each telling event, then seeded mixtures of them. */
import type { Fault, Plan } from './plan.ts';
import type { Reference } from './run.ts';

const RESOURCES = [
  'inferencepipelines',
  'modelversions',
  'configmaps',
  'configmaps (metadata)',
  'services',
  'pods',
  'deployments',
  'jobs',
];
const CODES = [409, 429, 500, 504] as const;
const MIXTURES_PER_WORKLOAD = 8;

/**
 * Every plan there is for these references, in an order that is the same each time; the first ones touch a bit of
 * everything.
 */
export function allPlans(references: Record<string, Reference>, seed: number): Plan[] {
  const random = generator(seed);
  const kinds = Object.entries(references).flatMap(([workload, reference]) =>
    groups(reference).map((faults) => shuffle(faults, random).map((fault) => ({ workload, faults: [fault] }))),
  );
  const mixtures = Object.entries(references).map(([workload, reference]) =>
    Array.from({ length: MIXTURES_PER_WORKLOAD }, () => ({ workload, faults: mixture(reference, random) })),
  );
  return deal([...shuffle(kinds, random), ...mixtures]).map((plan, i) => ({ id: `plan-${seed}-${i}`, ...plan }));
}

/** Faults of a workload by kind, so that each kind gets its turn. */
function groups({ writes, events }: Reference): Fault[][] {
  const at = (make: (write: number, i: number) => Fault): Fault[] => writes.map(({ n }, i) => make(n, i));
  const watches = RESOURCES.filter((resource) => events.some((event) => event.resource === resource));
  const cut = (how: 'expire' | 'reset' | 'go silent' | 'lag behind'): Fault[] =>
    watches.flatMap((resource) => [1, 2, 4].map((after) => ({ do: how, resource, after })));
  const told = (how: 'drop' | 'duplicate' | 'delay' | 'swap with the next'): Fault[] =>
    events.map((event) => ({ do: how, event }));
  return [
    at((write) => ({ do: 'crash after', write })),
    at((write) => ({ do: 'lose the reply', write })),
    at((write, i) => ({ do: 'refuse', write, code: CODES[i % CODES.length]! })),
    at((write) => ({ do: 'crash before', write })),
    at((write) => ({ do: 'delay the reply', write })),
    told('drop'),
    told('duplicate'),
    told('delay'),
    told('swap with the next'),
    cut('expire'),
    cut('reset'),
    cut('lag behind'),
    cut('go silent').slice(0, 4),
    at((write) => ({ do: 'rotate the token', write })).slice(0, 3),
    at((write) => ({ do: 'depose the leader', write }))
      .filter((_, i) => i % 8 === 2)
      .slice(0, 2),
  ].filter((group) => group.length > 0);
}

/** Two to five faults on one run. A frozen leader is enough trouble for a plan of its own. */
function mixture(reference: Reference, random: () => number): Fault[] {
  const some = shuffle(
    groups(reference)
      .flat()
      .filter((fault) => fault.do !== 'depose the leader' && fault.do !== 'go silent'),
    random,
  );
  return some.slice(0, 2 + Math.floor(random() * 4));
}

/** One of each list in turn, until all are empty. */
function deal<T>(lists: T[][]): T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => (i < list.length ? [list[i]!] : []))).flat();
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}

/** mulberry32: the same numbers for the same seed. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
