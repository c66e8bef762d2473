import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/**
 * The authorities of `--client-ca`, and which connections they have vouched for. TLS asks them once, when a connection
 * begins; when the file is read again with other authorities, what they no longer vouch for must not go on.
 */
export class ClientAuthorities {
  #pem = '';
  #certificates: readonly X509Certificate[] = [];
  /** Names the present ones. */
  #generation = {};
  /** The generation that has vouched for a connection. */
  readonly #vouched = new WeakMap<TLSSocket, object>();

  /** PEM, or `null` for none. True when they are others than before. */
  set(pem: Buffer | null): boolean {
    const text = pem?.toString('latin1') ?? '';
    if (text === this.#pem) return false;
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    this.#certificates = blocks.map((block) => new X509Certificate(block));
    this.#pem = text;
    this.#generation = {};
    return true;
  }

  /** TLS has just been agreed on. */
  connected(socket: TLSSocket): void {
    this.#vouched.set(socket, this.#generation);
  }

  /**
   * Whether they vouch for the certificate that was accepted on this connection. After a change, only what one of them has
   * signed itself can be told from here; whoever has shown a chain, must show it again.
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
