import type { LanPlace } from './lan.ts';

/** The warning of a page without TLS, for the log and `check`. */
export function plainHttp({ address, port }: Pick<LanPlace, 'address' | 'port'>): string {
  return `the page is served without TLS on ${address} port ${port}: whoever can listen in on that network gets its password`;
}
