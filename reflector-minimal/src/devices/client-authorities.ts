import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/**
 * The authorities of `--client-ca`, and the connections whose certificates they have signed. TLS checks a certificate once,
 * when the connection begins. When the file is read again with other authorities, connections that they do not vouch for
 * must end.
 */
export class ClientAuthorities {
  #pem = '';
  #certificates: readonly X509Certificate[] = [];
  /** Identifies the present authorities. */
  #generation = {};
  /** By connection: the authorities that have vouched for it. */
  readonly #vouched = new WeakMap<TLSSocket, object>();

  /** PEM, or `null` for none. Returns whether they have changed. */
  set(pem: Buffer | null): boolean {
    const text = pem?.toString('latin1') ?? '';
    if (text === this.#pem) return false;
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    this.#certificates = blocks.map((block) => new X509Certificate(block));
    this.#pem = text;
    this.#generation = {};
    return true;
  }

  /** The TLS handshake of a connection is complete. */
  connected(socket: TLSSocket): void {
    this.#vouched.set(socket, this.#generation);
  }

  /**
   * Whether they vouch for the certificate that was accepted on this connection. After a change, this recognizes only
   * certificates that one of them has signed directly; a device with a chain must connect again.
   */
  trust(socket: TLSSocket): boolean {
    if (this.#vouched.get(socket) === this.#generation) return true;
    const certificate = socket.getPeerX509Certificate();
    const signed = this.#certificates.some(
      (authority) => certificate?.checkIssued(authority) && certificate.verify(authority.publicKey),
    );
    if (signed) this.#vouched.set(socket, this.#generation);
    return signed;
  }
}
