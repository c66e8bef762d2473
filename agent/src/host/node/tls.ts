import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { isIP, type Socket as NetSocket } from 'node:net';
import { join } from 'node:path';
import { connect, rootCertificates, type TLSSocket } from 'node:tls';
import type { TlsOptions, TlsSession } from '../host.ts';
import { toHostError } from './errors.ts';

/** Where Debian, OpenWrt, Buildroot, Yocto, Fedora and Alpine keep their bundle. */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/ssl/cert.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
];

/** The trusted certificates; without a path those of the system, and where it has none those of Node. */
function trusted(path: string | null): (string | Buffer)[] {
  const place = path ?? bundles.find((bundle) => existsSync(bundle));
  if (place === undefined) return [...rootCertificates];
  if (!statSync(place).isDirectory()) return [readFileSync(place)];
  return readdirSync(place)
    .filter((name) => /\.(pem|crt|cer)$/.test(name))
    .map((name) => readFileSync(join(place, name)));
}

function read(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { message } = toHostError(error as NodeJS.ErrnoException);
    throw Object.assign(new Error(`${what} ${path}: ${message}`), { code: 'RM_TLS_FILE' });
  }
}

/** Starts TLS over `socket`. Throws when a file cannot be read or holds nothing usable. */
export function startTls(socket: NetSocket, options: TlsOptions): TLSSocket {
  const { serverName, certificate, key } = options;
  return connect({
    socket,
    host: serverName,
    // RFC 6066 section 3: an IP literal is no server name; it is checked against the certificate all the same.
    servername: isIP(serverName) ? '' : serverName,
    ca: options.verify ? trusted(options.ca) : [],
    ...(certificate === null ? {} : { cert: read('tls.cert', certificate) }),
    ...(key === null ? {} : { key: read('tls.key', key) }),
    minVersion: options.minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
    rejectUnauthorized: options.verify,
  });
}

export function sessionOf(socket: TLSSocket): TlsSession {
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
  return {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().name,
    publicKeyDigest: createHash('sha256')
      .update(key ?? '')
      .digest(),
  };
}
