import type { Configuration } from '../config/configuration.ts';
import type { Address } from '../host.ts';
import { literalAddress } from './literal-address.ts';

/** The addresses of the configuration, by host name. */
export function addressesOf({
  addresses,
}: Pick<Configuration, 'addresses'>): Map<string, readonly Address[]> {
  return new Map(Object.entries(addresses).map(([name, list]) => [name, list.map(literalAddress)]));
}
