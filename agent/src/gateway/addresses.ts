import { parseIp, utf8Decode } from 'rm-protocol';
import type { Address, Files, HostFailure } from '../host.ts';

/** The tables of the kernel are short; one that is longer is that of a router with a full table, which is no gateway. */
const MAX_TABLE_BYTES = 1_048_576;

/**
 * Why a name that leads to this address is not dialled: whoever answers look-ups could otherwise lead a visitor to what
 * only listens for the gateway itself. `null`: it may be dialled.
 */
export function addressFault(files: Pick<Files, 'read'>, { address }: Address): string | null {
  const bytes = parseIp(address.replace(/%.*/, ''));
  if (!bytes) return 'no address';
  const four = fourOf(bytes);
  if (four) {
    const [first = 0, second = 0] = four;
    if (first === 127 || first === 0) return 'a loopback address';
    if (first === 169 && second === 254) return 'a link-local address';
    if (first >= 224) return 'an address of no single machine';
  } else {
    const [first = 0, second = 0] = bytes;
    if (bytes.slice(0, 15).every((byte) => byte === 0)) return 'a loopback address';
    if (first === 0xfe && (second & 0xc0) === 0x80) return 'a link-local address';
    if (first === 0xff) return 'an address of no single machine';
  }
  const own = ownAddresses(files);
  if (own === null) return 'an address that may be one of the gateway itself: those cannot be read';
  return own.has(hexOf(four ?? bytes)) ? 'an address of the gateway itself' : null;
}

/** The four bytes of an IPv4 address, also of one that is mapped into IPv6 (RFC 4291 section 2.5.5.2). */
function fourOf(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length === 4) return bytes;
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? bytes.slice(12) : null;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The IPv4 addresses of all interfaces, as the kernel has them now; `null` if they cannot be read. */
export function ownIpv4Addresses(files: Pick<Files, 'read'>): readonly string[] | null {
  const table = tableAt(files, '/proc/net/fib_trie');
  if (table === null) return null;
  const found = table.matchAll(/\|-- ([\d.]+)\n +\/32 host LOCAL/g);
  // The kernel has each in two tables.
  return [...new Set(Array.from(found, ([, address = '']) => address))];
}

/** Of all interfaces, as the kernel has them now; `null` if that cannot be read. */
function ownAddresses(files: Pick<Files, 'read'>): ReadonlySet<string> | null {
  const own = new Set<string>();
  const [four, six] = [ownIpv4Addresses(files), tableAt(files, '/proc/net/if_inet6')];
  if (four === null || six === null) return null;
  for (const address of four) {
    const bytes = parseIp(address);
    if (bytes) own.add(hexOf(bytes));
  }
  for (const [address] of six.matchAll(/^[0-9a-f]{32}/gm)) own.add(address);
  return own;
}

function tableAt(files: Pick<Files, 'read'>, path: string): string | null {
  try {
    return utf8Decode(files.read(path, MAX_TABLE_BYTES));
  } catch (error) {
    // A kernel without IPv4, or without IPv6.
    return (error as HostFailure).code === 'not-found' ? '' : null;
  }
}
