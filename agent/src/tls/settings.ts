import type { Configuration } from '../config/configuration.ts';
import type { Host } from '../host/host.ts';
import type { DialSettings } from '../link/settings.ts';
import { buildDate } from '../version.ts';
import { findAuthorities } from './authorities.ts';

export type TlsSettings = Pick<DialSettings, 'tls' | 'proxyTls' | 'trusted' | 'pins'>;

/** What an attempt needs to know for TLS, `secureReflector` and `secureProxy` being whether it is for sure needed. */
export function tlsSettings(
  host: Host,
  tls: Configuration['tls'],
  secureReflector: boolean,
  secureProxy: boolean,
): TlsSettings | { readonly error: string } {
  const byPins = tls.pinMode === 'replace';
  const found = tls.verify ? findAuthorities(host, tls.ca) : null;
  if (found && 'error' in found && (secureProxy || (secureReflector && !byPins))) return found;
  const authorities = found && 'path' in found ? found : null;
  const proxyTls = {
    ca: authorities?.path ?? null,
    certificate: null,
    key: null,
    judgedAt: tls.clock === 'build' && host.clock.date() < buildDate ? buildDate : null,
    minVersion: tls.minVersion,
    verify: tls.verify,
  };
  const count = tls.pins.length;
  const pinned = count === 0 ? '' : count === 1 ? 'the pinned key' : `one of ${count} pinned keys`;
  const trusted = [...(authorities && !byPins ? [authorities.words] : []), ...(pinned ? [pinned] : [])];
  return {
    tls: { ...proxyTls, certificate: tls.cert, key: tls.key, verify: tls.verify && !byPins },
    proxyTls,
    trusted: (secureReflector && trusted.join(', and ')) || null,
    pins: tls.pins.map((pin) => pin.replace(/^sha256\//, '')),
  };
}
