import type { Credentials, HttpUri } from 'rm-protocol';
import type { Limits } from '../config/limits.ts';
import type { Route } from '../dial/proxy-server.ts';
import type { Address, TlsOptions } from '../host.ts';

/** What one attempt needs; read afresh for each, so that renewed files and changed properties take effect. */
export interface DialSettings {
  /** Tried in order, at least one. */
  readonly reflectors: readonly HttpUri[];
  /** The ways to a host, tried in order, at least one. */
  readonly routes: (uri: HttpUri) => readonly Route[];
  /** Addresses of hosts, by name, for when those of the name server are of no use. */
  readonly addresses: ReadonlyMap<string, readonly Address[]>;
  readonly method: 'GET' | 'POST';
  readonly auth: 'basic' | 'digest';
  readonly credentials: Credentials;
  /** Header fields of the upgrade apart from those of the handshake and `Authorization`. */
  readonly fields: readonly (readonly [string, string])[];
  /** All but the server name, which is the host dialled. */
  readonly tls: Omit<TlsOptions, 'serverName'>;
  /** The same towards an `https:` proxy, which has no pins and is not shown who the device is. */
  readonly proxyTls: Omit<TlsOptions, 'serverName'>;
  /** What is trusted, in words for a person; `null` when no certificate is looked at. */
  readonly trusted: string | null;
  /**
   * SHA-256 digests of public keys, Base64; when there are any, the reflector must have one of them. Where they replace
   * the authorities, `tls.verify` is false and the pins alone decide.
   */
  readonly pins: readonly string[];
  /** For each step of an attempt: look-up, connection, TLS, upgrade. */
  readonly stepTimeoutMs: number;
  readonly limits: Limits;
}
