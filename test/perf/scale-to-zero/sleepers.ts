/** Pipelines that go to zero, in a namespace of the real cluster, and a client beside them. */
import { kubectl } from '../../../hack/cluster/kubectl.ts';
import { RELEASE } from '../../../hack/cluster/deploy.ts';
import { startClient } from '../../e2e/story.ts';
import { waitFor } from '../../support/waitFor.ts';

/** What the client prints of its requests. */
export interface Summary {
  sent: number;
  ok: number;
  failures: Record<string, number>;
}

export class Sleepers {
  readonly namespace: string;

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  readonly kubectl = (args: string[], input?: string): Promise<string> =>
    kubectl(['-n', this.namespace, ...args], input);

  /** An empty namespace with a client in it. */
  async begin(scorerImage: string): Promise<void> {
    await startClient(scorerImage, this.namespace);
  }

  async end(): Promise<void> {
    await kubectl(['delete', 'namespace', this.namespace, '--wait=false', '--ignore-not-found']);
  }

  /** A small pipeline that goes to zero after ten seconds; `spec` wins. */
  async apply(name: string, spec: object = {}): Promise<void> {
    const script = 'export async function init() {}\nexport async function run(rawData) { return rawData.length; }\n';
    const pipeline = {
      apiVersion: 'penstock.dev/v1alpha1',
      kind: 'InferencePipeline',
      metadata: { name },
      // Half a second of queue would tell of the machine's stalls (429), and this is about what gets lost on the way.
      spec: {
        target: 'Development',
        endpoint: { maxQueueWait: '4s' },
        resources: { requests: { cpu: '20m', memory: '96Mi' } },
        scaling: { minReplicas: 0, maxReplicas: 3, scaleToZeroAfter: '10s' },
        scoring: { script },
        ...spec,
      },
    };
    await this.kubectl(['apply', '-f', '-'], JSON.stringify(pipeline));
  }

  /** Waits until the pipeline is up to date, and the nodes route to its Service. A health check wakes nothing. */
  async serves(name: string): Promise<void> {
    await this.kubectl(['wait', `ipl/${name}`, '--for=condition=UpToDate', '--timeout=270s']);
    await waitFor(
      async () => (await this.client<{ status: number }>('request', 'GET', `http://${name}/`)).status === 200,
      15_000,
      { what: `the nodes route to ${name}`, everyMs: 500 },
    );
  }

  /** Runs client.mjs with these words. */
  async client<T = Summary>(...args: string[]): Promise<T> {
    return JSON.parse(
      await this.kubectl(['exec', 'client', '--', '/usr/local/bin/node', '/client/client.mjs', ...args]),
    ) as T;
  }

  async scaling(name: string): Promise<string> {
    return this.kubectl([
      'get',
      'ipl',
      name,
      '-o',
      'jsonpath={.status.conditions[?(@.type=="ScalingActive")].message}',
    ]);
  }
}

/** How many first pods the activators have asked for so far; one that has gone has taken its figure with it. */
export async function wakesSoFar(): Promise<number> {
  const pods = (
    await kubectl([
      '-n',
      RELEASE.namespace,
      'get',
      'pods',
      '-l',
      'app.kubernetes.io/component=activator',
      '-o',
      'jsonpath={.items[*].metadata.name}',
    ])
  )
    .split(' ')
    .filter(Boolean);
  const texts = await Promise.all(
    pods.map((pod) =>
      kubectl(['get', '--raw', `/api/v1/namespaces/${RELEASE.namespace}/pods/${pod}:8081/proxy/metrics`]),
    ),
  );
  return texts.reduce((sum, text) => sum + Number(/^penstock_activator_wakes_total (\d+)$/m.exec(text)?.[1] ?? 0), 0);
}
