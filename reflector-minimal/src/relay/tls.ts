import type { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

/** PEM files by which nodes prove themselves to each other. */
export interface RelayTls {
  /** Certificate of this node, which names it (subjectAltName DNS), and what leads to the authority. */
  readonly cert: string;
  readonly key: string;
  /** Authorities whose certificates prove other nodes. No others do. */
  readonly ca: string;
}

export interface RelayTlsContents {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

/** The files of {@link RelayTls}, read when they are needed and have changed. */
export class RelayTlsFiles {
  readonly #files: RelayTls;
  #contents: RelayTlsContents | null = null;
  #stamp = '';

  constructor(files: RelayTls) {
    this.#files = files;
  }

  /** Throws the error of a file that cannot be read, or that holds no certificate. */
  read(): RelayTlsContents {
    const stamp = this.#present();
    if (this.#contents && stamp === this.#stamp) return this.#contents;
    const { cert, key, ca } = this.#files;
    const contents = { cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(ca) };
    // Without a certificate in it, Node would trust every public authority.
    if (!contents.ca.includes('-----BEGIN CERTIFICATE-----'))
      throw new Error(`${ca}: holds no certificate in PEM`);
    this.#contents = contents;
    this.#stamp = stamp;
    return contents;
  }

  /** By which a change is noticed; an atomic replacement changes the inode. */
  #present(): string {
    const { cert, key, ca } = this.#files;
    return [cert, key, ca]
      .map((path) => {
        const { ino, mtimeMs, size } = statSync(path);
        return `${ino} ${mtimeMs} ${size}`;
      })
      .join('\n');
  }
}

/** The common name does not count, nor does a wildcard: one certificate is one node. */
export function namesNode(certificate: X509Certificate, name: string): boolean {
  return certificate.checkHost(name, { subject: 'never', wildcards: false }) !== undefined;
}

/** What is wrong with the certificate of another node, by the code of OpenSSL. */
export function certificateFault(code: string): string {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return 'its certificate has expired';
    case 'CERT_NOT_YET_VALID':
      return 'its certificate is not valid yet';
    case 'INVALID_PURPOSE':
      return 'its certificate is not for this use (extendedKeyUsage)';
    default:
      return `its certificate is not of an authority that we trust (${code})`;
  }
}
