import type { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** What the certificate that a client has shown is worth. */
export type ClientCertificate =
  /** It is signed by an authority of `--client-ca`, for clients, and valid: these are the names in it, in lower case. */
  | { readonly names: readonly string[] }
  /** It was shown, and proves nothing. */
  | { readonly fault: string };

/** The client's certificate of a connection whose TLS ends here; `null` without one. `now` as Unix milliseconds. */
export function clientCertificateOf(socket: Duplex, now: number): ClientCertificate | null {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (!(socket instanceof TLSSocket) || !certificate) return null;
  if (!socket.authorized) return { fault: String(socket.authorizationError ?? 'not asked for') };
  // A session of TLS that is resumed may outlive the certificate that began it.
  if (!(now <= Date.parse(certificate.validTo))) return { fault: 'CERT_HAS_EXPIRED' };
  return { names: namesIn(certificate) };
}

/**
 * The names of a certificate by which a device may be known: the common name if there is just one, and subject
 * alternative names of the kinds DNS, e-mail and `URI:device:NAME`.
 */
export function namesIn(certificate: Pick<X509Certificate, 'subject' | 'subjectAltName'>): string[] {
  const common = (certificate.subject ?? '').split('\n').filter((part) => part.startsWith('CN='));
  const names = common.length === 1 ? common.map((part) => part.slice(3)) : [];
  const alternatives = certificate.subjectAltName ?? '';
  // Node quotes what could be taken for more than one name: then none of them counts.
  if (!alternatives.includes('"')) {
    for (const alternative of alternatives.split(', ')) {
      const match = /^(?:DNS:|email:|URI:device:)(.+)$/.exec(alternative);
      if (match?.[1] !== undefined) names.push(match[1]);
    }
  }
  return names.map((name) => name.toLowerCase());
}

/** Whether a certificate is that of this device: it names `ID` or `ID@DOMAIN`, whole and without wildcards. */
export function isOf({ names }: { readonly names: readonly string[] }, id: string, domain: string): boolean {
  return names.includes(id) || names.includes(`${id}@${domain.toLowerCase()}`);
}
