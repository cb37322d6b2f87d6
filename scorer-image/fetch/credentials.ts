/** The mounted Secret of a source: token, or username and password; ca.crt. */
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

/** Nothing for a source without a Secret. The folder of a Secret that does not exist is empty. Throws StartFailure. */
export function readCredentials(folder: string): Credentials {
  if (!existsSync(folder)) return {};
  if (readdirSync(folder).every((name) => name.startsWith('..')))
    throw new StartFailure(
      FAILURE.resource,
      'the Secret of source.secretRef does not exist in this namespace, or is empty',
    );
  const [token, username, password] = ['token', 'username', 'password'].map((key) => readHeaderValue(folder, key));
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

function readHeaderValue(folder: string, key: string): string | undefined {
  const value = readKey(folder, key);
  if (!/[\r\n]/.test(value ?? '')) return value;
  throw new StartFailure(
    FAILURE.resource,
    `the key ${key} of the Secret of source.secretRef has a line break in it, which no header can carry`,
  );
}
