import type { Credentials, HttpUri } from 'rm-protocol';
import type { ConnectSettings } from '../dial/connect-settings.ts';
import type { ProxyServer } from '../dial/proxy-server.ts';

/** What one attempt needs; read anew for each, so that renewed files and changed properties take effect. */
export interface AttemptSettings extends ConnectSettings {
  /** Tried in order, at least one. */
  readonly reflectors: readonly HttpUri[];
  /** The proxies for a host, tried in order, at least one; `null`: none. */
  readonly proxiesFor: (uri: HttpUri) => readonly (ProxyServer | null)[];
  readonly method: 'GET' | 'POST';
  readonly auth: 'basic' | 'digest';
  readonly credentials: Credentials;
  /** Header fields of the upgrade apart from those of the handshake and `Authorization`. */
  readonly fields: readonly (readonly [string, string])[];
  /** What the reflector is asked before the upgrade; `null`: nothing. */
  readonly enrolment: EnrolmentSettings | null;
}

export interface EnrolmentSettings {
  /** JSON. */
  readonly body: string;
  /** Takes the reply; returns the settings with which the attempt goes on, or `null` when that was all. */
  accept(status: number, body: string): AttemptSettings | { readonly error: string } | null;
  /** Those with which it goes on when the reply is of no use. */
  readonly otherwise: AttemptSettings | null;
}
