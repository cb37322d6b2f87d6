/** NetworkPolicies enforced on the nodes of our own cluster: its pod network by itself lets everything through. */
import { execa } from 'execa';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubectl } from './kubectl.ts';
import { OWN } from './engine.ts';
import { networkPolicies } from './tools.ts';

const QUEUE = 100;
const ACCOUNT = ['-n', 'kube-system', 'serviceaccount', 'network-policies'] as const;
const MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Every new connection that goes through the node to or from a pod is judged. */
const rule = (change: '-I' | '-D'): string[] => [
  'iptables',
  change,
  'FORWARD',
  '-m',
  'conntrack',
  '--ctstate',
  'NEW',
  '-j',
  'NFQUEUE',
  '--queue-num',
  String(QUEUE),
];

const docker = (...args: string[]): Promise<{ stdout: string }> => execa('docker', args, { env: OWN.env });
const nodes = async (): Promise<string[]> =>
  (await kubectl(['get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}'])).split(' ');

/**
 * Enforces NetworkPolicies until the result is called. The program's nftables are not to be had here; iptables' NFQUEUE
 * does the same.
 */
export async function enforceNetworkPolicies(): Promise<() => Promise<void>> {
  const program = await networkPolicies();
  await kubectl(['-n', 'kube-system', 'create', 'serviceaccount', 'network-policies']);
  await kubectl([
    'create',
    'clusterrolebinding',
    'network-policies',
    '--clusterrole=view',
    '--serviceaccount=kube-system:network-policies',
  ]);
  const token = await kubectl(['-n', 'kube-system', 'create', 'token', 'network-policies', '--duration=1h']);
  const server = await kubectl([
    'get',
    'nodes',
    '-l',
    'node-role.kubernetes.io/control-plane',
    '-o',
    'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}',
  ]);
  for (const node of await nodes()) {
    await docker('cp', program, `${node}:/usr/local/bin/kube-network-policies`);
    await docker(
      'exec',
      node,
      'sh',
      '-c',
      `mkdir -p ${MOUNT} && cp /etc/kubernetes/pki/ca.crt ${MOUNT}/ca.crt && echo '${token}' > ${MOUNT}/token`,
    );
    await docker(
      'exec',
      '-d',
      '-e',
      `KUBERNETES_SERVICE_HOST=${server}`,
      '-e',
      'KUBERNETES_SERVICE_PORT=6443',
      node,
      'sh',
      '-c',
      `exec kube-network-policies --hostname-override ${node} --disable-nri --nfqueue-id ${QUEUE} > /var/log/network-policies.log 2>&1`,
    );
  }
  await sleep(5_000); // its caches fill
  for (const node of await nodes()) await docker('exec', node, ...rule('-I'));
  return relax;
}

async function relax(): Promise<void> {
  for (const node of await nodes()) {
    await docker('exec', node, ...rule('-D'));
    await docker('exec', node, 'sh', '-c', 'kill $(pidof kube-network-policies)');
  }
  await kubectl(['delete', ...ACCOUNT]);
  await kubectl(['delete', 'clusterrolebinding', 'network-policies']);
}
