/** A mounted Secret of a source or a registry: token, or username and password; ca.crt. */
import { FAILURE } from '@penstock/contract';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartFailure } from '../failure.ts';

export interface Credentials {
  /** Value of the header Authorization. */
  authorization?: string | undefined;
  /** PEM of the certificate authority. */
  ca?: string | undefined;
}

/** The folder of a Secret that does not exist is empty. */
export const isWithoutSecret = (folder: string): boolean =>
  !existsSync(folder) || readdirSync(folder).every((name) => name.startsWith('..'));

/** Nothing for a source without a Secret. Throws StartFailure. */
export function readCredentials(folder: string, secret = 'source.secretRef'): Credentials {
  if (!existsSync(folder)) return {};
  if (isWithoutSecret(folder))
    throw new StartFailure(FAILURE.resource, `the Secret of ${secret} does not exist in this namespace, or is empty`);
  const [token, username, password] = ['token', 'username', 'password'].map((key) =>
    readHeaderValue(folder, key, secret),
  );
  return { authorization: authorization({ token, username, password }), ca: readKey(folder, 'ca.crt') };
}

function authorization(given: Record<'token' | 'username' | 'password', string | undefined>): string | undefined {
  const { token, username, password = '' } = given;
  if (token !== undefined) return `Bearer ${token}`;
  return username === undefined ? undefined : `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function readKey(folder: string, key: string): string | undefined {
  const file = join(folder, key);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

function readHeaderValue(folder: string, key: string, secret: string): string | undefined {
  const value = readKey(folder, key);
  if (!/[\r\n]/.test(value ?? '')) return value;
  throw new StartFailure(
    FAILURE.resource,
    `the key ${key} of the Secret of ${secret} has a line break in it, which no header can carry`,
  );
}
