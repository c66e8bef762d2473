import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, rootCertificates, type TLSSocket } from 'node:tls';
import { ExitStatus, Failure, reasonOf } from '../failure.ts';

export interface TlsSettings {
  /** PEM file of the certificates to trust; `null`: what this system trusts. */
  readonly ca: string | null;
  /** `false`: accepts any certificate. The user has been warned. */
  readonly verify: boolean;
}

/** Trusted certificates on Debian, on Alpine and macOS, on Fedora, and on openSUSE. */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/ssl/cert.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
];

function trusted(ca: string | null): string | readonly string[] {
  const file = ca ?? bundles.find((path) => existsSync(path));
  if (file === undefined) return rootCertificates;
  try {
    const text = readFileSync(file, 'utf8');
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  } catch (error) {
    throw new Failure(`--ca ${file}: ${reasonOf(error)}`, ExitStatus.configuration);
  }
  throw new Failure(`--ca ${file}: no PEM certificate in it`, ExitStatus.configuration);
}

/** TLS as client over `socket`. Throws a {@link Failure} if the file of certificates is not usable. */
export function startTls(socket: Duplex, host: string, { ca, verify }: TlsSettings): TLSSocket {
  try {
    return connect({
      socket,
      host,
      // RFC 6066 section 3: an IP address is no server name. The certificate must still contain it.
      servername: isIP(host) ? '' : host,
      ...(verify ? { ca: trusted(ca) as string } : {}),
      // By that, a reflector knows users before the handshake, and serves them before devices that come back.
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: verify,
    });
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`--ca ${ca}: ${reasonOf(error)}`, ExitStatus.configuration);
  }
}
