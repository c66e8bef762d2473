import { createPrivateKey, X509Certificate } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { TlsOptions } from '../src/host.ts';
import { toHostError } from './errors.ts';

/** The largest file of a certificate chain or a key, and of trusted certificates, in bytes. */
const MAX_OWN_BYTES = 65_536;
const MAX_TRUSTED_BYTES = 16_777_216;

const blocks = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

function read(what: string, path: string, maxBytes: number): string {
  try {
    if (statSync(path).size > maxBytes) throw new Error(`larger than ${maxBytes} bytes`);
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw new Error(`${what} ${path}: ${toHostError(error as NodeJS.ErrnoException).message}`);
  }
}

/** The certificates at `path`, each in PEM; `null` means those that Node brings. Throws when nothing can be read. */
export function trustedCertificates(path: string | null): readonly string[] {
  if (path === null) return rootCertificates;
  const what = 'trusted certificates';
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    const files = readdirSync(path).filter((name) => !name.startsWith('.') && isOwnFile(join(path, name)));
    return files.flatMap((name) => certificatesIn(read(what, join(path, name), MAX_TRUSTED_BYTES)));
  }
  return certificatesIn(read(what, path, MAX_TRUSTED_BYTES));
}

/** OpenSSL's directories hold each certificate twice: as a file, and as a link to it that is named by a hash. */
function isOwnFile(path: string): boolean {
  const alias = lstatSync(path).isSymbolicLink() && !readlinkSync(path).includes('/');
  return !alias && (statSync(path, { throwIfNoEntry: false })?.isFile() ?? false);
}

/** One that cannot be parsed is none: it is left out. */
function certificatesIn(text: string): string[] {
  return (text.match(blocks) ?? []).filter((block) => {
    try {
      return new X509Certificate(block).raw.length > 0;
    } catch {
      return false;
    }
  });
}

/** Certificate and key of the device as Node wants them; nothing without. Throws, with one line, what is wrong. */
export function ownCredentials({ certificate, key }: TlsOptions): { cert?: string; key?: string } {
  if (certificate === null) return {};
  const keyPath = key ?? certificate;
  const cert = read('client certificate', certificate, MAX_OWN_BYTES);
  const leaf = attempt(() => new X509Certificate(cert));
  if (!leaf) throw new Error(`client certificate ${certificate}: holds no certificate chain in PEM`);
  const pem = read('client key', keyPath, MAX_OWN_BYTES);
  const privateKey = attempt(() => createPrivateKey(pem));
  if (!privateKey) {
    const encrypted = /BEGIN ENCRYPTED |4,ENCRYPTED/.test(pem);
    const reason = encrypted
      ? 'is encrypted; allowed is a key without a password'
      : 'holds no private key in PEM, of RSA or EC';
    throw new Error(`client key ${keyPath}: ${reason}`);
  }
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new Error(`client key ${keyPath}: does not belong to the client certificate`);
  }
  return { cert, key: pem };
}

function attempt<T>(make: () => T): T | null {
  try {
    return make();
  } catch {
    return null;
  }
}
