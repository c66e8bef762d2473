import type { Configuration } from '../config/configuration.ts';
import type { Host, HostFailure, TlsOptions } from '../host.ts';
import { findAuthorities } from './authorities.ts';
import { CertificateTime } from './certificate-time.ts';

/** How the reflector, and a proxy on the way to it, prove who they are. */
export interface TlsSettings {
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
}

/** The TLS settings of an attempt; `secureReflector` and `secureProxy`: TLS is needed for certain. */
export function tlsSettings(
  host: Host,
  tls: Configuration['tls'],
  secureReflector: boolean,
  secureProxy: boolean,
  time = new CertificateTime(host.clock),
): TlsSettings | { readonly error: string } {
  const byPins = tls.pinMode === 'replace';
  const fault = secureReflector ? fileFault(host, tls, byPins) : null;
  if (fault !== null) return { error: fault };
  const found = tls.verify ? findAuthorities(host, tls.ca) : null;
  if (found && 'error' in found && (secureProxy || (secureReflector && !byPins))) return found;
  const authorities = found && 'path' in found ? found : null;
  const proxyTls = {
    // Never others than those of the configuration, even if they are missing.
    ca: tls.ca ?? authorities?.path ?? null,
    certificate: null,
    key: null,
    ...time.validityDate(tls.clock),
    minVersion: tls.minVersion,
    verify: tls.verify,
  };
  const count = tls.pins.length;
  const pinned = count === 0 ? '' : count === 1 ? 'the pinned key' : `one of ${count} pinned keys`;
  const trusted = [...(authorities && !byPins ? [authorities.description] : []), ...(pinned ? [pinned] : [])];
  return {
    tls: { ...proxyTls, certificate: tls.cert, key: tls.key, verify: tls.verify && !byPins },
    proxyTls,
    trusted: (secureReflector && trusted.join(', and ')) || null,
    pins: pinDigests(tls.pins),
  };
}

/** Why the files of the configuration are unusable now: found before anything is dialled. */
function fileFault({ files }: Host, tls: Configuration['tls'], byPins: boolean): string | null {
  const needed = [
    ['tls.ca', tls.verify && !byPins ? tls.ca : null],
    ['tls.cert', tls.cert],
    ['tls.key', tls.key],
  ] as const;
  for (const [key, file] of needed) {
    if (file === null) continue;
    try {
      const found = files.stat(file);
      if (found === null) return `${key}: ${file}: no such file`;
      if (found.kind === 'file' && found.size === 0) return `${key}: ${file}: is empty`;
    } catch (error) {
      return `${key}: ${file}: ${(error as HostFailure).message}`;
    }
  }
  return null;
}

/** The digests of pins, in base64. */
export function pinDigests(pins: readonly string[]): string[] {
  return pins.map((pin) => pin.replace(/^sha256\//, ''));
}
