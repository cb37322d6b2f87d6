/** The cluster itself: what every other story stands on. */
import { expect } from 'chai';
import { up } from '../../hack/cluster/cluster.ts';
import { kubectl } from '../../hack/cluster/kubectl.ts';

describe('the cluster', function () {
  this.timeout(40 * 60_000); // a cold machine builds Kubernetes first
  before(up);

  it('has two workers in two zones', async () => {
    expect(
      (
        await kubectl([
          'get',
          'nodes',
          '-l',
          'topology.kubernetes.io/zone',
          '-o',
          'jsonpath={.items[*].metadata.labels.topology\\.kubernetes\\.io/zone}',
        ])
      )
        .split(' ')
        .sort(),
    ).to.deep.equal(['zone-a', 'zone-b']);
  });

  it('cluster up is idempotent', async () => {
    const before = await kubectl(['get', 'nodes', '-o', 'jsonpath={.items[*].metadata.uid}']);
    await up();
    expect(await kubectl(['get', 'nodes', '-o', 'jsonpath={.items[*].metadata.uid}'])).to.equal(before);
  });

  it('gives logs and runs commands from the host', async () => {
    expect(await kubectl(['-n', 'kube-system', 'logs', 'deploy/metrics-server', '--tail=5'])).not.to.equal('');
    expect(
      await kubectl([
        '-n',
        'kube-system',
        'exec',
        'deploy/metrics-server',
        '--',
        '/usr/local/bin/metrics-server',
        '--help',
      ]),
    ).to.contain('metric-resolution');
  });
});
