import type { Address } from '../host.ts';

/** The address that an IPv4 or IPv6 literal names. */
export function literalAddress(address: string): Address {
  return { address, family: address.includes(':') ? 6 : 4 };
}
