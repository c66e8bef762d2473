import { createHash, X509Certificate } from 'node:crypto';
import { isIP, type Socket as NetSocket } from 'node:net';
import { checkServerIdentity, connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import type { TlsOptions, TlsSession } from '../host.ts';
import { chainFault } from './chain.ts';
import { ownCredentials, trustedCertificates } from './tls-files.ts';

/** Certificates of a peer that are looked at, more than any chain has. */
const MAX_CHAIN = 16;

/** TLS under way, and what must be asked when it is connected. */
export interface StartedTls {
  readonly stream: TLSSocket;
  /** Why the connection must not be used, in Node's terms; `null` when it may be. */
  refusal(): Error | null;
}

/** Starts TLS over `socket`. Throws, with one line for a person, when a file cannot be read or holds nothing usable. */
export function startTls(socket: NetSocket, options: TlsOptions): StartedTls {
  const { serverName, verify, judgedAt } = options;
  const trusted = verify ? trustedCertificates(options.ca) : [];
  const stream = connect({
    socket,
    host: serverName,
    // RFC 6066 section 3: an IP literal is no server name; it is checked against the certificate all the same.
    servername: isIP(serverName) ? '' : serverName,
    ca: [...trusted],
    ...ownCredentials(options),
    minVersion: options.minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
    rejectUnauthorized: verify && judgedAt === null,
  });
  const judge = verify && judgedAt !== null ? () => refusalAt(judgedAt, stream, serverName, trusted) : null;
  return { stream, refusal: () => judge?.() ?? null };
}

/** Dates are all that OpenSSL may have complained of, when they are judged at another time than now. */
const dateErrors: readonly unknown[] = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'];

/**
 * OpenSSL as Node has it cannot be told what time it is, so the handshake was let through whatever it said of the
 * certificate. It tells one error of possibly several, so that it complains of a date says nothing of the rest: the whole
 * chain is verified again by {@link chainFault}, and must please both.
 */
function refusalAt(
  judgedAt: number,
  stream: TLSSocket,
  serverName: string,
  trusted: readonly string[],
): Error | null {
  const peer = stream.getPeerCertificate(true);
  let wrong: string | null;
  try {
    const [leaf, ...offered] = certificatesOf(peer);
    wrong = leaf ? chainFault(leaf, offered, trusted, judgedAt) : 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
  } catch {
    // A key that this Node does not know.
    wrong = 'CERT_UNTRUSTED';
  }
  if (wrong !== null) return fault(wrong);
  const otherName = checkServerIdentity(serverName, peer);
  if (otherName) return otherName;
  const error: unknown = stream.authorizationError;
  return stream.authorized || dateErrors.includes(error) ? null : fault(String(error));
}

function fault(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** What the peer has shown, its own certificate first. */
function certificatesOf(peer: DetailedPeerCertificate): X509Certificate[] {
  const found: X509Certificate[] = [];
  for (let at: DetailedPeerCertificate | undefined = peer; at?.raw && found.length < MAX_CHAIN; ) {
    found.push(new X509Certificate(at.raw));
    at = at.issuerCertificate === at ? undefined : at.issuerCertificate;
  }
  return found;
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
