/**
 * TLS identities: our serving certificate in its Secret, and the front-proxy CA that the aggregator's client
 * certificate must have.
 */
import type { SecureContextOptions } from 'node:tls';
import { ignoreNotFound } from '@penstock/kube/api/status';
import { KIND } from '../api/kinds.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { KubeClient } from '@penstock/kube/client/client';
import { currentCertificate, type ServingCertificate } from './certificate.ts';

const AUTHENTICATION = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };

/** The Service that the APIService names. */
export interface MetricsService {
  namespace: string;
  name: string;
}

export const serviceHost = ({ namespace, name }: MetricsService): string => `${name}.${namespace}.svc`;
const secretName = ({ name }: MetricsService): string => `${name}-tls`;

interface Secret extends KubeObject {
  data?: Record<string, string>;
}

/** The TLS settings of the server. */
export interface TlsIdentity {
  options: Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>;
  /** Whether a client certificate with this common name is the aggregator's. */
  mayAsk: (commonName: string) => boolean;
}

type Reader = Pick<KubeClient, 'get'>;

/** The certificate in the Secret; undefined before the leader has created it. */
export async function readCertificate(
  service: MetricsService,
  client: Reader,
): Promise<ServingCertificate | undefined> {
  const secret = await client.get<Secret>(KIND.secret, service.namespace, secretName(service)).catch(ignoreNotFound);
  const text = (name: string): string => Buffer.from(secret?.data?.[name] ?? '', 'base64').toString();
  const found = { cert: text('tls.crt'), key: text('tls.key'), ca: text('ca.crt') };
  return Object.values(found).every((part) => part !== '') ? found : undefined;
}

/** For the leader: the current certificate, created or rotated when needed. */
export async function keepCertificate(
  service: MetricsService,
  client: Reader & Pick<KubeClient, 'apply'>,
  now: number,
): Promise<ServingCertificate> {
  const known = await readCertificate(service, client);
  const current = await currentCertificate(known, serviceHost(service), now);
  if (current !== known) {
    const data = Object.fromEntries(
      Object.entries({ 'tls.crt': current.cert, 'tls.key': current.key, 'ca.crt': current.ca }).map(([name, part]) => [
        name,
        Buffer.from(part).toString('base64'),
      ]),
    );
    await client.apply<Secret>({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: service.namespace, name: secretName(service) },
      type: 'kubernetes.io/tls',
      data,
    } as Secret);
  }
  return current;
}

/** Undefined before there is a certificate. Rejects when the front-proxy CA of the cluster cannot be read. */
export async function readIdentity(service: MetricsService, client: Reader): Promise<TlsIdentity | undefined> {
  const certificate = await readCertificate(service, client);
  if (!certificate) return undefined;
  const { data = {} } = await client.get<Secret>(KIND.configMap, AUTHENTICATION.namespace, AUTHENTICATION.name);
  const ca = data['requestheader-client-ca-file'];
  if (ca === undefined || ca === '')
    throw new Error(
      `ConfigMap ${AUTHENTICATION.namespace}/${AUTHENTICATION.name} has no requestheader-client-ca-file: this API server aggregates no APIs; set metricsApi.enabled=false`,
    );
  const names = JSON.parse(data['requestheader-allowed-names'] ?? '[]') as string[];
  return {
    options: { ca, cert: certificate.cert, key: certificate.key },
    mayAsk: (commonName) => names.length === 0 || names.includes(commonName),
  };
}
