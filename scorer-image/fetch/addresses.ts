/**
 * Which addresses the source of a model may have: a fetch runs inside the cluster and reaches addresses that its user
 * may not.
 */
import { lookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import type { FetchConfig } from '../config.ts';

/** The address of a source is not allowed. Not retried; the message does not name the address. */
export class RefusedAddress extends Error {}

type Range = [address: string, prefix: number, family: 'ipv4' | 'ipv6'];

const LOOPBACK = listOf([
  ['127.0.0.0', 8, 'ipv4'],
  ['::1', 128, 'ipv6'],
]);
/** This host, link-local, multicast and broadcast; the metadata services of clouds, also those at other addresses. */
const FORBIDDEN = listOf([
  ['0.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 128, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
  ['100.100.100.200', 32, 'ipv4'],
  ['168.63.129.16', 32, 'ipv4'],
  ['192.0.0.192', 32, 'ipv4'],
  ['fd00:ec2::', 32, 'ipv6'],
  ['fd20:ce::', 32, 'ipv6'],
]);
/**
 * RFC 1918, RFC 6598, RFC 4193; and prefixes that contain an IPv4 address, which may be private (RFC 6052, RFC 8215,
 * RFC 3056, RFC 4291).
 */
const PRIVATE = listOf([
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['::', 96, 'ipv6'],
  ['10.0.0.0', 8, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['fc00::', 7, 'ipv6'],
]);

function listOf(ranges: Range[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) list.addSubnet(...range);
  return list;
}

export type Addresses = FetchConfig['addresses'];

/** Throws RefusedAddress for an address that is not allowed. Host names pass; see {@link guardedLookup}. */
export function confirmAddress(host: string, { loopback, privateNetwork }: Addresses): void {
  const address = host.replace(/^\[|\]$/g, '');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(address) === 0) return;
  if (FORBIDDEN.check(address, family) || (!loopback && LOOPBACK.check(address, family)))
    throw new RefusedAddress('its host has a loopback, link-local or metadata address, which no source may have');
  if (!privateNetwork && PRIVATE.check(address, family))
    throw new RefusedAddress(
      'its host has a private address, and this cluster takes models from public ones only (sources.privateAddresses of the chart)',
    );
}

/** Name resolution for connections: a name with any address that is not allowed is refused. */
export const guardedLookup =
  (allowed: Addresses): LookupFunction =>
  (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => {
      try {
        if (error) throw error;
        for (const { address } of found) confirmAddress(address, allowed);
      } catch (refused) {
        return done(refused as Error, []);
      }
      if (options.all) done(null, found);
      else done(null, found[0]!.address, found[0]!.family);
    });
  };
