/** The serving certificate of the metrics API: self-signed, rotated 30 days before it expires. */
import { X509Certificate } from 'node:crypto';

const DAY_MS = 86_400_000;
const VALID_MS = 90 * DAY_MS;
const ROTATE_MS = 30 * DAY_MS;

/** PEM texts. `ca` also holds the previous certificate while replicas may still serve it. */
export interface ServingCertificate {
  cert: string;
  key: string;
  ca: string;
}

/** The known certificate if it is valid for `host` and not about to expire; otherwise a new one, with both trusted. */
export async function currentCertificate(
  known: ServingCertificate | undefined,
  host: string,
  now: number,
): Promise<ServingCertificate> {
  const old = known && parsed(known.cert);
  if (
    known &&
    old?.checkHost(host) !== undefined &&
    old.validToDate.getTime() - now > ROTATE_MS &&
    known.ca.includes(known.cert.trim())
  )
    return known;
  const { cert, key } = await selfSigned(host, now);
  const stillGood = old && old.validToDate.getTime() > now;
  return { cert, key, ca: stillGood ? `${cert}\n${known.cert.trim()}\n` : `${cert}\n` };
}

function parsed(cert: string): X509Certificate | undefined {
  try {
    return new X509Certificate(cert);
  } catch {
    return undefined; // the Secret was edited
  }
}

/** Loads the library here, because it is needed four times a year only. */
async function selfSigned(host: string, now: number): Promise<{ cert: string; key: string }> {
  await import('reflect-metadata'); // a dependency of @peculiar/x509 needs it
  const {
    BasicConstraintsExtension,
    ExtendedKeyUsage,
    ExtendedKeyUsageExtension,
    SubjectAlternativeNameExtension,
    X509CertificateGenerator,
  } = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [host.slice(0, 64)] }],
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(now - DAY_MS / 24), // for clocks that differ
    notAfter: new Date(now + VALID_MS),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: host }]),
    ],
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey))
    .toString('base64')
    .replace(/.{64}/g, '$&\n');
  return {
    cert: made.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.trim()}\n-----END PRIVATE KEY-----\n`,
  };
}
