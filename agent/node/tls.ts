import { constants, createHash, X509Certificate } from 'node:crypto';
import { isIP, type Socket as NetSocket } from 'node:net';
import {
  checkServerIdentity,
  connect,
  DEFAULT_CIPHERS,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type TLSSocket,
} from 'node:tls';
import type { TlsOptions, TlsSession } from '../src/host.ts';
import { chainFault, isStrongKey, keyUsageAllows, type Moment } from './chain.ts';
import { ownCredentials, trustedCertificates } from './tls-files.ts';

/** Keys of 112 bits of security and signatures with SHA-2, in certificates too (SSL_CTX_set_security_level(3)). */
const STRONG = `${DEFAULT_CIPHERS}:@SECLEVEL=2`;

/**
 * What peers without TLS 1.2 need: signatures with SHA-1, short keys, and a server that has not heard of RFC 5746. It is
 * for those for whom somebody has asked for such a version.
 */
const OLD = {
  ciphers: 'ALL:!aNULL:!eNULL:@SECLEVEL=0',
  minDHSize: 512,
  secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
};

const versions = { '1.0': 'TLSv1', '1.1': 'TLSv1.1', '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const;

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
  const { serverName, verify, judgedAt, ignoreNotBefore = false } = options;
  const trusted = verify ? trustedCertificates(options.ca) : [];
  const stream = connect({
    socket,
    host: serverName,
    // RFC 6066 section 3: an IP literal is no server name; it is checked against the certificate all the same.
    servername: isIP(serverName) ? '' : serverName,
    ca: [...trusted],
    ...ownCredentials(options),
    minVersion: versions[options.minVersion],
    rejectUnauthorized: verify && judgedAt === null,
    // A trusted certificate is trusted by itself, whether another one has signed it or not.
    allowPartialTrustChain: true,
    // What is not verified may be as weak as an old device has it.
    ...(verify ? { ciphers: STRONG, checkServerIdentity: identityFault } : {}),
    ...(options.minVersion < '1.2' ? OLD : {}),
  });
  const judge =
    verify && judgedAt !== null
      ? () => refusalAt({ at: judgedAt, ignoreNotBefore }, stream, serverName, trusted)
      : null;
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
  moment: Moment,
  stream: TLSSocket,
  serverName: string,
  trusted: readonly string[],
): Error | null {
  const peer = stream.getPeerCertificate(true);
  let wrong: string | null;
  try {
    const [leaf, ...offered] = certificatesOf(peer);
    wrong = leaf ? chainFault(leaf, offered, trusted, moment) : 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
  } catch {
    // A key that this Node does not know.
    wrong = 'CERT_UNTRUSTED';
  }
  if (wrong !== null) return fault(wrong);
  const otherName = identityFault(serverName, peer);
  if (otherName) return otherName;
  const error: unknown = stream.authorizationError;
  return stream.authorized || dateErrors.includes(error) ? null : fault(String(error));
}

/**
 * Names as RFC 9525 has them: only those of subjectAltName, and a wildcard is a whole label. Node alone takes the common
 * name too, and a wildcard for a part of a label. The keys are looked at as well: of the curves OpenSSL takes any.
 */
function identityFault(serverName: string, peer: PeerCertificate): Error | undefined {
  const other = checkServerIdentity(serverName, peer);
  if (other) return other;
  const chain = certificatesOf(peer as DetailedPeerCertificate);
  if (!chain.every(isStrongKey)) return fault('EE_KEY_TOO_SMALL');
  // OpenSSL is content with a key that may only be encrypted to.
  if (chain[0] && !keyUsageAllows(chain[0])) return fault('INVALID_PURPOSE');
  const found = isIP(serverName)
    ? chain[0]?.checkIP(serverName)
    : chain[0]?.checkHost(serverName, { subject: 'never', partialWildcards: false });
  return found === undefined ? fault('ERR_TLS_CERT_ALTNAME_INVALID') : undefined;
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
