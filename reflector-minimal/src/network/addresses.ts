import { isIPv4, isIPv6 } from 'node:net';
import { parseIp } from 'rm-protocol';

/** The address; an IPv4 address from an IPv6 socket in IPv4 form. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

/** Whether a plain address is this machine's own. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/**
 * The network that one household or server has: an IPv4 address, or the /64 of an IPv6 address (RFC 6177).
 */
export function networkOf(address: string): string {
  return isIPv6(address) ? prefixOf(address, 4) : address;
}

/**
 * The networks for which an address is counted, the narrowest first: the /24 of an IPv4 address; the /64 and the /48 of an
 * IPv6 address, because a household may have 256 of the former, and a server 65,536 (RFC 6177).
 */
export function networksOf(address: string): readonly [narrow: string, wide?: string] {
  if (isIPv6(address)) return [prefixOf(address, 4), prefixOf(address, 3)];
  return [isIPv4(address) ? address.replace(/\d+$/, '0/24') : address];
}

/** The first groups of an IPv6 address, as a network. */
function prefixOf(address: string, groups: 3 | 4): string {
  const bytes = parseIp(address.split('%', 1)[0] ?? '') ?? new Uint8Array(16);
  const prefix = Array.from({ length: groups }, (_, group) => {
    const at = 2 * group;
    return (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16);
  });
  return `${prefix.join(':')}::/${groups * 16}`;
}
