import type { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { asciiLowerCase } from '../ascii-case.ts';
import type { DeviceCredentials } from '../ports/store.ts';
import type { ClientAuthorities } from './client-authorities.ts';

/** A certificate that is signed by an authority of `--client-ca`, for clients, and valid. Times as Unix milliseconds. */
export interface ProvenCertificate {
  /** The names in it, in lower case. */
  readonly names: readonly string[];
  /** `notBefore`. */
  readonly issued: number;
  /** `notAfter`. */
  readonly until: number;
  /** Whether an authority of `--client-ca` vouches for it now. */
  trusted(): boolean;
}

/** The certificate that a client has shown, or why it proves nothing. */
export type ClientCertificate =
  | ProvenCertificate
  /** It was shown, but proves nothing. */
  | { readonly fault: string };

const untrusted = 'its authority is trusted no more';

/** The client's certificate of a connection whose TLS ends here; `null` without one. `now` as Unix milliseconds. */
export function clientCertificateOf(
  socket: Duplex,
  now: number,
  authorities: ClientAuthorities,
): ClientCertificate | null {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (!(socket instanceof TLSSocket) || !certificate) return null;
  if (!socket.authorized) return { fault: String(socket.authorizationError ?? 'not asked for') };
  // A resumed TLS session may outlive the certificate that it began with.
  if (!(now <= Date.parse(certificate.validTo))) return { fault: 'CERT_HAS_EXPIRED' };
  const [issued, until] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  const trusted = () => authorities.trust(socket);
  return trusted() ? { names: namesIn(certificate), issued, until, trusted } : { fault: untrusted };
}

/**
 * The names of a certificate by which a device may be known: the common name if there is just one, and subject
 * alternative names of the kinds DNS, e-mail and `URI:device:NAME`.
 */
export function namesIn(certificate: Pick<X509Certificate, 'subject' | 'subjectAltName'>): string[] {
  const common = (certificate.subject ?? '').split('\n').filter((part) => part.startsWith('CN='));
  const names = common.length === 1 ? common.map((part) => part.slice(3)) : [];
  const alternatives = certificate.subjectAltName ?? '';
  // Node quotes what could be read as more than one name: then none of them counts.
  if (!alternatives.includes('"')) {
    for (const alternative of alternatives.split(', ')) {
      const match = /^(?:DNS:|email:|URI:device:)(.+)$/.exec(alternative);
      if (match?.[1] !== undefined) names.push(match[1]);
    }
  }
  return names.map(asciiLowerCase);
}

/** Whether a certificate names this device: as `ID` or `ID@DOMAIN`, whole and without wildcards. */
export function isOf(
  { names }: Pick<ProvenCertificate, 'names'>,
  { id, domain }: Pick<DeviceCredentials, 'id' | 'domain'>,
): boolean {
  return names.includes(id) || names.includes(`${id}@${asciiLowerCase(domain)}`);
}

/**
 * Why a certificate that names this device does not prove it; `null`: it does. One that was issued before the device was
 * added belongs to the former owner of the id. A device that was added with a password takes no certificate.
 */
export function certificateFault(
  { issued, until, trusted }: Pick<ProvenCertificate, 'issued' | 'until' | 'trusted'>,
  { certificatesSince }: Pick<DeviceCredentials, 'certificatesSince'>,
  now: number,
): string | null {
  if (certificatesSince === null)
    return 'does not count, because this device was added without --certificate';
  if (now > until) return 'has expired';
  if (!trusted()) return `does not count: ${untrusted}`;
  // Times in certificates are whole seconds.
  const since = Math.floor(certificatesSince / 1000) * 1000;
  if (issued >= since) return null;
  return `was issued at ${time(issued)}, and this device takes those from ${time(since)} on`;
}

function time(date: number): string {
  return new Date(date).toISOString().replace('.000Z', 'Z');
}
