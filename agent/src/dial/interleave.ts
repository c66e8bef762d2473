import type { Address } from '../host.ts';

/**
 * The order in which the addresses of a host are dialled (RFC 8305 section 4): IPv6 and IPv4 in turn, beginning with the
 * family that the resolver prefers, and each family in the resolver's order. Twice the same address counts once; what is
 * beyond `most` is left out.
 */
export function interleave(addresses: readonly Address[], most: number): readonly Address[] {
  if (addresses.length < 2) return addresses;
  const unique = [...new Map(addresses.map((entry) => [entry.address, entry])).values()];
  const first = unique.filter(({ family }) => family === unique[0]?.family);
  const second = unique.filter(({ family }) => family !== unique[0]?.family);
  const mixed: Address[] = [];
  for (let at = 0; at < Math.max(first.length, second.length); at++) {
    for (const entry of [first[at], second[at]]) if (entry) mixed.push(entry);
  }
  return mixed.slice(0, most);
}
