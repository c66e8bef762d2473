import type { Limits } from '../config/limits.ts';
import type { Address } from '../host.ts';
import type { TlsSettings } from './tls-settings.ts';

/** What connecting to a server needs, whatever is spoken there. */
export interface ConnectSettings extends TlsSettings {
  /** Addresses of hosts, by name, used when those of the name server fail. */
  readonly addresses: ReadonlyMap<string, readonly Address[]>;
  /** For each step: look-up, connection, proxy, TLS, and what is said first. */
  readonly stepTimeoutMs: number;
  readonly limits: Limits;
}
