/**
 * Mistakes as people make them, planted into the operator's source while it is bundled: the harness must find each.
 * The three classes are Sieve's: what a crash leaves half done, what a late look gets wrong, what was never heard of.
 */
import type { Mutation } from '../../support/control-plane/operators.ts';
import type { Fault, Plan, Recording } from './plan.ts';

export interface PlantedBug {
  name: string;
  class: 'intermediate state' | 'stale state' | 'unobserved state';
  mutations: Mutation[];
  /** Workload and kinds of fault under which it shows. */
  workload: string;
  faults: string[];
  /** Only faults at writes and events about such objects. */
  about?: RegExp;
}

export const PLANTED: PlantedBug[] = [
  {
    name: 'an existing child is treated as an object of another owner',
    class: 'intermediate state',
    workload: 'everything an operator ever does',
    faults: ['lose the reply'],
    mutations: [
      {
        file: 'operator/apply/apply.ts',
        from: "    kube.cacheWrite('immutable' in live ? await withLabels(live, object, kube) : await kube.client.apply(object));",
        to: '    throw notOwned(live, owner);',
      },
    ],
  },
  {
    name: 'the first size is set only by the process that made the Deployment',
    class: 'intermediate state',
    workload: 'create a Production pipeline with a script',
    faults: ['crash after'],
    about: /^deployments/,
    mutations: [
      {
        file: 'operator/apply/effects.ts',
        from: '    if (scaleTo === undefined || !deployment || replicas === undefined || replicas === scaleTo) continue;',
        to: '    if (scaleTo === undefined || !deployment || replicas === undefined || replicas === scaleTo || !(globalThis as { made?: Set<string> }).made?.has(revision.name)) continue;',
      },
      {
        file: 'operator/apply/apply.ts',
        from: '    kube.cacheWrite(await kube.client.create(object));',
        to: '    kube.cacheWrite(await kube.client.create(object)); if (object.kind === "Deployment") ((globalThis as { made?: Set<string> }).made ??= new Set()).add(object.metadata.name);',
      },
    ],
  },
  {
    name: 'verification Jobs are deleted before their result is written',
    class: 'intermediate state',
    workload: 'create a Development pipeline with a model',
    faults: ['crash after'],
    mutations: [
      {
        file: 'operator/reconcile/modelversion.ts',
        from: '  const status = modelVersionStatus(',
        to: '  await prune(plan.result ? seen.jobs : plan.prune, () => false, deps.kube);\n  const status = modelVersionStatus(',
      },
    ],
  },
  {
    name: 'that a revision was given up is remembered in memory only',
    class: 'intermediate state',
    workload: 'update to a script whose init() throws',
    faults: ['crash after', 'crash before'],
    mutations: [
      {
        file: 'operator/apply/effects.ts',
        from: '  if (!revision.configMap) throw new Outdated(`ConfigMap ${revision.name} is not restored yet`);\n',
        to: '  if (((globalThis as { tried?: boolean }).tried = !(globalThis as { tried?: boolean }).tried) || !revision.configMap) return;\n',
      },
    ],
  },
  {
    name: 'a list from the past is believed, and what it lacks is never asked for again',
    class: 'stale state',
    workload: 'serve a new version of the model',
    faults: ['lag behind'],
    mutations: [
      {
        file: 'packages/kube/cache/reflector.ts',
        from: 'if (Number(resourceVersion) < this.#lastResourceVersion)',
        to: 'if (Number(resourceVersion) < 0)',
      },
      {
        file: 'packages/kube/cache/reflector.ts',
        from: '    this.#resourceVersion = resourceVersion;',
        to: '    this.#resourceVersion = String(Math.max(this.#lastResourceVersion, Number(resourceVersion)));',
      },
      {
        file: 'packages/kube/cache/reflector.ts',
        from: ' && Number(metadata.resourceVersion) <= listVersion',
        to: '',
      },
    ],
  },
  {
    name: 'the cache goes back in time, and DELETED is believed of any uid',
    class: 'stale state',
    workload: 'delete a pipeline, and make it again',
    faults: ['duplicate'],
    about: /^(pods|deployments)/,
    mutations: [
      {
        file: 'packages/kube/cache/reflector.ts',
        from: 'this.#cache.remove(objectKey(object), object.metadata.uid, Number(object.metadata.resourceVersion))',
        to: 'this.#cache.remove(objectKey(object))',
      },
      { file: 'packages/kube/cache/cache.ts', from: 'Number(old.resourceVersion) >= version', to: 'false' },
    ],
  },
  {
    name: 'children are made again without asking whether their owner lives',
    class: 'stale state',
    workload: 'delete a pipeline, and make it again',
    faults: ['go silent', 'delay'],
    mutations: [{ file: 'operator/apply/apply.ts', from: '      await confirmOwnerExists(owner, kube);\n', to: '' }],
  },
  {
    name: 'deletions have no preconditions',
    class: 'stale state',
    workload: 'serve a new version of the model',
    faults: ['delay'],
    mutations: [
      {
        file: 'packages/kube/client/client.ts',
        from: 'preconditions: { uid, resourceVersion }',
        to: 'preconditions: {}',
      },
    ],
  },
  {
    name: 'a deposed leader writes on',
    class: 'stale state',
    workload: 'a bad update, then a good one, then back',
    faults: ['depose the leader'],
    mutations: [
      { file: 'operator/operator.ts', from: 'mayWrite: () => leadership.open', to: 'mayWrite: () => true' },
      {
        file: 'packages/kube/client/lease.ts',
        from: '    while (!signal.aborted && this.#gate.open) {',
        to: '    while (!signal.aborted) {',
      },
    ],
  },
  {
    name: 'after a 410 the watch goes on as if nothing had been missed',
    class: 'unobserved state',
    workload: 'serve a new version of the model',
    faults: ['expire'],
    mutations: [
      {
        file: 'packages/kube/cache/reflector.ts',
        from: "if (error instanceof KubeError && error.code === 410) this.#resourceVersion = '';",
        to: 'if (error instanceof KubeError && error.code === 410) { await sleep(1e9, undefined, { signal }).catch(() => undefined); }',
      },
    ],
  },
  {
    name: 'what a new list does not name any more stays in the cache',
    class: 'unobserved state',
    workload: 'delete a pipeline, and make it again',
    faults: ['lag behind', 'expire'],
    mutations: [
      {
        file: 'packages/kube/cache/reflector.ts',
        from: 'if (isStale(object) && !listed.has(objectKey(object))) this.#cache.remove(objectKey(object));',
        to: 'if (isStale(object)) continue;',
      },
    ],
  },
  {
    name: 'a removed owner reference triggers no reconcile',
    class: 'unobserved state',
    workload: 'another account edits, deletes and strips children',
    faults: ['crash after'],
    mutations: [{ file: 'operator/observe/pipeline.ts', from: '...cache.byIndex(orphan).filter(isOurs)', to: '' }],
  },
  {
    name: 'silence on an open connection is taken for peace',
    class: 'unobserved state',
    workload: 'serve a new version of the model',
    faults: ['go silent'],
    mutations: [
      {
        file: 'packages/kube/cache/reflector.ts',
        from: 'bodyTimeout: this.#options.idleMs,',
        to: 'bodyTimeout: 0,',
      },
    ],
  },
  {
    name: 'a rotated token is found out within a minute, not at the first 401',
    class: 'unobserved state',
    workload: 'serve a new version of the model',
    faults: ['rotate the token'],
    mutations: [{ file: 'packages/kube/client/rest.ts', from: '    this.#pool.refresh();\n', to: '' }],
  },
  {
    name: 'a write that the server refused once is not tried again',
    class: 'unobserved state',
    workload: 'create a Production pipeline with a script',
    faults: ['refuse'],
    mutations: [
      {
        file: 'packages/kube/controller/controller.ts',
        from: '      queue.retry(key, failure, result.error instanceof KubeError ? result.error.retryAfterMs : undefined);',
        to: '',
      },
    ],
  },
];

/** Plans that the bug should not survive. */
export function plansFor({ workload, faults, about = /./ }: PlantedBug, plans: Plan[], { writes }: Recording): Plan[] {
  const object = (fault: Fault): string => {
    if ('event' in fault) return `${fault.event.resource}/${fault.event.name}`;
    if ('resource' in fault) return fault.resource;
    return writes[fault.write - 1]?.what ?? '';
  };
  return plans.filter(
    (plan) =>
      plan.workload === workload &&
      plan.faults.length === 1 &&
      faults.includes(plan.faults[0]!.do) &&
      about.test(object(plan.faults[0]!)),
  );
}
