/** Plays one plan: an operator behind the proxy, a workload, the faults, and then four questions about what is left. */
import { setTimeout as sleep } from 'node:timers/promises';
import { KIND } from '../../../operator/api/kinds.ts';
import { KubeError } from '@penstock/kube/client/errors';
import {
  bundle,
  HASTE,
  kubeconfigFor,
  startOperator,
  type Mutation,
  type OperatorProcess,
} from '../../support/control-plane/operators.ts';
import type { Stage } from '../../support/control-plane/stage.ts';
import { digestOf, difference, stateOf, type State } from '../../support/control-plane/state.ts';
import type { Plan, Recording } from './plan.ts';
import { FaultProxy } from './proxy.ts';
import { Safety } from './safety.ts';
import { WORKLOADS } from './workloads.ts';

const QUIET_MS = 2_000;
const LONG_QUIET_MS = 10_000;
const SETTLE_MS = 30_000;
/** Longer than a Lease: another one leads when the frozen process wakes. */
const FROZEN_MS = 13_000;
const MOST_STARTS = 8;

export interface Reference extends Recording {
  state: State;
  /** Objects made and deleted, by what they are: `POST deployments/p-1234` → 1. */
  counts: Record<string, number>;
}
export interface Outcome {
  plan: Plan;
  problems: string[];
  ms: number;
  /** Faults that found no moment to happen. */
  unused: number;
  log: string;
}
export interface RunOptions {
  /** The operator with a planted bug. */
  mutations?: Mutation[];
  longQuiet?: boolean;
  /** A second operator stands by. */
  standby?: boolean;
}

let runs = 0;

/** Plays the plan against what the reference left; an empty list of problems is what one hopes for. */
export async function runPlan(
  stage: Stage,
  plan: Plan,
  reference: Reference,
  options: RunOptions = {},
): Promise<Outcome> {
  const started = Date.now();
  const run = await Run.begin(stage, plan, options);
  const problems: string[] = [];
  try {
    const workload = await run.workload().then(
      () => undefined,
      (error: unknown) => `the workload did not end: ${(error as Error).message}`,
    );
    if (workload !== undefined) problems.push(workload);
    else problems.push(...(await run.settlesAt(reference)));
    problems.push(
      ...(await run.staysQuiet(options.longQuiet ? LONG_QUIET_MS : QUIET_MS)),
      ...run.countsAs(reference),
      ...run.safety.violations,
      ...run.trouble,
    );
    return {
      plan,
      problems,
      ms: Date.now() - started,
      unused: run.proxy.unused.length,
      log: problems.length > 0 ? run.log() : '',
    };
  } finally {
    await run.end();
  }
}

/**
 * The workload with nothing going wrong, twice: what both agree on is what every plan must end at. On a busy machine a
 * run may rest while a controller of the cluster has not begun yet, so those that differ rest once more, for SETTLE_MS
 * at most.
 */
export async function record(stage: Stage, workload: string): Promise<Reference> {
  const pair: Run[] = [];
  const both = <T>(step: (run: Run) => Promise<T>): Promise<T[]> =>
    Promise.all(
      pair.map((run) =>
        step(run).catch((error: unknown) => {
          throw new Error(`“${workload}” without a fault: ${(error as Error).message}\n${run.log()}`, { cause: error });
        }),
      ),
    );
  try {
    for (let i = 0; i < 2; i++) pair.push(await Run.begin(stage, { id: 'reference', workload, faults: [] }, {}));
    await both((run) => run.workload());
    let differs: string[] = [];
    for (const end = Date.now() + SETTLE_MS; Date.now() < end;) {
      const [first, second] = await both((run) => run.atRest());
      differs = [...difference(first!.state, second!.state), ...difference(first!.counts, second!.counts)];
      if (differs.length === 0) return first!;
    }
    throw new Error(`two runs of “${workload}” without a fault do not agree:\n${differs.join('\n')}`);
  } finally {
    await Promise.all(pair.map((run) => run.end()));
  }
}

class Run {
  readonly namespace: string;
  readonly proxy: FaultProxy;
  readonly safety: Safety;
  /** Operators that ended without being killed. */
  readonly trouble: string[] = [];
  readonly #stage: Stage;
  readonly #plan: Plan;
  readonly #program: string;
  readonly #operators = new Map<string, OperatorProcess>();
  readonly #kubeconfigs: ReturnType<typeof kubeconfigFor>[] = [];
  readonly #expected = new Set<string>();
  #logs = '';
  #ended = false;
  #starts = 0;

  static async begin(stage: Stage, plan: Plan, { mutations = [], standby }: RunOptions): Promise<Run> {
    const run = new Run(stage, plan, await bundle([...HASTE, ...mutations]));
    await stage.namespace(run.namespace);
    run.safety.watch();
    const deposes = plan.faults.some((fault) => fault.do === 'depose the leader');
    await run.#start('one');
    if (deposes || standby) await run.#start('two');
    return run;
  }

  private constructor(stage: Stage, plan: Plan, program: string) {
    this.#stage = stage;
    this.#plan = plan;
    this.#program = program;
    this.namespace = `run-${process.pid}-${(runs += 1)}`;
    this.safety = new Safety(stage, this.namespace);
    this.proxy = new FaultProxy({ server: stage.server, token: stage.token }, plan.faults, {
      kill: (by) => this.#kill(by),
      depose: (by) => void this.#depose(by),
      rotate: () => {
        this.proxy.token = 'token-2';
        for (const { writeToken } of this.#kubeconfigs) writeToken('token-2');
      },
      inspect: (call) => this.safety.inspect(call),
    });
  }

  async workload(): Promise<void> {
    const deposes = this.#plan.faults.some((fault) => fault.do === 'depose the leader');
    await WORKLOADS[this.#plan.workload]!({
      admin: this.#stage.admin,
      namespace: this.namespace,
      patienceMs: deposes || this.#plan.faults.length > 3 ? 60_000 : 30_000,
    });
  }

  async settlesAt(reference: Reference): Promise<string[]> {
    const wanted = digestOf(reference.state);
    let state: State = {};
    for (const end = Date.now() + SETTLE_MS; Date.now() < end; await sleep(250)) {
      state = await stateOf(this.#stage.admin, this.namespace);
      if (digestOf(state) === wanted) return [];
    }
    return difference(reference.state, state)
      .slice(0, 12)
      .map((line) => `end state: ${line}`);
  }

  async staysQuiet(ms: number): Promise<string[]> {
    const before = this.proxy.writes.length;
    await sleep(ms);
    return this.proxy.writes
      .slice(before)
      .map(({ method, what, code }) => `a write after the end: ${method} ${what} (${code})`);
  }

  /** Resolves once there has been no write for so long. */
  async restsFor(ms: number): Promise<void> {
    for (const end = Date.now() + SETTLE_MS; Date.now() < end;) if ((await this.staysQuiet(ms)).length === 0) return;
    throw new Error('writes never end');
  }

  /** What a run without a fault has come to. */
  async atRest(): Promise<Reference> {
    await this.restsFor(QUIET_MS);
    if (this.safety.violations.length > 0) throw new Error(this.safety.violations.join('\n'));
    return {
      state: await stateOf(this.#stage.admin, this.namespace),
      counts: this.counts(),
      writes: [...this.proxy.writes],
      events: [...this.proxy.events],
    };
  }

  /** Objects that really were made and deleted. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { method, what, code } of this.proxy.writes)
      if ((method === 'POST' || method === 'DELETE') && code >= 200 && code < 300)
        counts[`${method} ${what}`] = (counts[`${method} ${what}`] ?? 0) + 1;
    return Object.fromEntries(Object.entries(counts).sort());
  }

  countsAs(reference: Reference): string[] {
    return difference(reference.counts, this.counts()).map((line) => `made and deleted: ${line}`);
  }

  log(): string {
    return (
      this.#logs +
      [...this.#operators.values()].map((operator) => operator.log()).join('') +
      this.proxy.writes.map(({ n, by, method, what, code }) => `${n} ${by} ${method} ${what} ${code}`).join('\n')
    );
  }

  async end(): Promise<void> {
    this.#ended = true;
    this.safety.stop();
    await Promise.all([...this.#operators.values()].map((operator) => operator.end('SIGKILL')));
    await this.proxy.close();
    await this.#stage.admin.call('DELETE', `/api/v1/namespaces/${this.namespace}`).catch((error: unknown) => {
      if (!(error instanceof KubeError)) throw error;
    });
  }

  async #start(identity: string): Promise<void> {
    if (this.#ended || (this.#starts += 1) > MOST_STARTS) return;
    const kubeconfig = kubeconfigFor(await this.proxy.listen(identity), this.proxy.token);
    this.#kubeconfigs.push(kubeconfig);
    const silent = this.#plan.faults.some((fault) => fault.do === 'go silent');
    const operator = await startOperator({
      bundle: this.#program,
      kubeconfig: kubeconfig.kubeconfig,
      identity,
      env: {
        WATCH_NAMESPACES: this.namespace,
        POD_NAMESPACE: this.namespace,
        CALL_TIMEOUT_MS: '3000',
        STAGE_STATS_PORT: String(this.#stage.pods.statsPort),
        WATCH_IDLE_MS: silent ? '2500' : '150000',
        LOG_LEVEL: 'info',
      },
    });
    this.#operators.set(identity, operator);
    void operator.exited.then((how) => {
      this.#logs += `${operator.log()}[${identity} ended: ${how}]\n`;
      if (this.#ended) return;
      if (!this.#expected.delete(identity))
        this.trouble.push(`operator ${identity} ended by itself (${how}): ${operator.log().trim().split('\n').at(-1)}`);
      this.#operators.delete(identity);
      void this.#start(identity); // as the kubelet would
    });
  }

  #kill(identity: string): void {
    this.#expected.add(identity);
    this.#operators.get(identity)?.child.kill('SIGKILL');
  }

  /** Frozen until another leads; from then on a write of this one is one too many. */
  async #depose(identity: string): Promise<void> {
    const operator = this.#operators.get(identity);
    if (!operator) return;
    this.#expected.add(identity);
    operator.child.kill('SIGSTOP');
    await sleep(FROZEN_MS);
    const lease = (await this.#stage.admin.get(KIND.lease, this.namespace, 'penstock-operator')) as
      { spec?: { holderIdentity?: string } } | undefined;
    if (lease?.spec?.holderIdentity === identity)
      this.safety.violations.push('no process took over from a frozen leader');
    this.safety.deposed.add(identity);
    operator.child.kill('SIGCONT');
    void operator.exited.then(() => this.safety.deposed.delete(identity));
  }
}
