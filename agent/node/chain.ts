import { X509Certificate } from 'node:crypto';
import { derElement, derElements } from 'rm-protocol';

/**
 * Verifies a server's chain at a given time, because OpenSSL as Node has it knows only the time of the system. What this
 * does not understand it refuses: OpenSSL has judged the connection too, and both must be content.
 */

/** Certificates from the server's to the root, both included. */
const MAX_DEPTH = 8;

/** Paths that are tried: certificates that sign each other in many ways must not cost time without end. */
const MAX_TRIES = 64;

const serverAuthentication = '1.3.6.1.5.5.7.3.1';

/** Contents of object identifiers, hexadecimal. */
const extensions = {
  keyUsage: '551d0f',
  basicConstraints: '551d13',
  nameConstraints: '551d1e',
};

/** Critical extensions that are looked at here or by OpenSSL: those above, subject names, policies, extended key usage. */
const understood = new Set(['551d0f', '551d13', '551d11', '551d20', '551d25']);

/** SHA-2 with RSA and ECDSA (RFC 4055, RFC 5758), and EdDSA (RFC 8410). */
const strongSignatures = /^(?:2a864886f70d01010[bcde]|2a8648ce3d04030[1234]|2b65(?:70|71))$/;
const pss = '2a864886f70d01010a';
/** A digest of SHA-2, as an element. */
const strongDigest = /0609608648016503040201|0609608648016503040202|0609608648016503040203/;

const curves: readonly unknown[] = ['prime256v1', 'secp384r1', 'secp521r1'];

/** When dates are judged. */
export interface Moment {
  /** In milliseconds since 1970. */
  readonly at: number;
  /** It may be later than that. */
  readonly ignoreNotBefore: boolean;
}

interface Search {
  readonly trusted: readonly X509Certificate[];
  readonly offered: readonly X509Certificate[];
  readonly moment: Moment;
  tries: number;
  /** The fault of the path that came nearest to a root. */
  fault: string;
}

/**
 * What is wrong with the chain from `leaf` over some of `offered` to one of `trusted` (PEM) at this moment, as a
 * code of OpenSSL; `null` when nothing is. Its names are not looked at.
 */
export function chainFault(
  leaf: X509Certificate,
  offered: readonly X509Certificate[],
  trusted: readonly string[],
  moment: Moment,
): string | null {
  const roots = trusted.map((pem) => new X509Certificate(pem)).filter(isSelfIssued);
  const search: Search = {
    trusted: roots,
    offered,
    moment,
    tries: 0,
    fault: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  };
  if (!keyUsageAllows(leaf)) return 'INVALID_PURPOSE';
  return leads(leaf, [], search) ? null : search.fault;
}

/** Whether a valid path goes on from `certificate`, which has signed the last of `below`. */
function leads(certificate: X509Certificate, below: readonly X509Certificate[], search: Search): boolean {
  if (++search.tries > MAX_TRIES || below.length >= MAX_DEPTH) return false;
  const root = search.trusted.some((one) => one.raw.equals(certificate.raw));
  const wrong = faultOf(certificate, below, root, search.moment);
  if (wrong !== null) {
    search.fault = wrong;
    return false;
  }
  if (root) return certificate.verify(certificate.publicKey);
  const path = [...below, certificate];
  return [...search.trusted, ...search.offered].some(
    (issuer) =>
      !path.some((one) => one.raw.equals(issuer.raw)) &&
      issuer.ca &&
      certificate.checkIssued(issuer) &&
      certificate.verify(issuer.publicKey) &&
      leads(issuer, path, search),
  );
}

function faultOf(
  certificate: X509Certificate,
  below: readonly X509Certificate[],
  root: boolean,
  { at, ignoreNotBefore }: Moment,
): string | null {
  if (!ignoreNotBefore && at < Date.parse(certificate.validFrom)) return 'CERT_NOT_YET_VALID';
  // Written so that a date that cannot be read is refused.
  if (!(at <= Date.parse(certificate.validTo))) return 'CERT_HAS_EXPIRED';
  if (!(certificate.keyUsage?.includes(serverAuthentication) ?? true)) return 'INVALID_PURPOSE';
  if (!isStrongKey(certificate)) return 'CA_KEY_TOO_SMALL';
  // The signature of a root on itself proves nothing.
  if (!root && !isStronglySigned(certificate)) return 'CA_MD_TOO_WEAK';
  const found = extensionsOf(certificate);
  if (!found || found.some(({ critical, id }) => critical && !understood.has(id))) {
    return 'UNHANDLED_CRITICAL_EXTENSION';
  }
  if (found.some(({ id }) => id === extensions.nameConstraints)) return 'PERMITTED_VIOLATION';
  const most = found.find(({ id }) => id === extensions.basicConstraints)?.value;
  // Those that have issued themselves do not count (RFC 5280 section 4.2.1.9), nor does the server's own.
  const between = below.slice(1).filter((one) => !isSelfIssued(one)).length;
  if (most && between > pathLength(most)) return 'PATH_LENGTH_EXCEEDED';
  return null;
}

function isSelfIssued({ issuer, subject }: X509Certificate): boolean {
  return issuer === subject;
}

export function isStrongKey({ publicKey }: X509Certificate): boolean {
  const { modulusLength = 0, namedCurve } = publicKey.asymmetricKeyDetails ?? {};
  switch (publicKey.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss':
      return modulusLength >= 2048;
    case 'ec':
      return curves.includes(namedCurve);
    default:
      return publicKey.asymmetricKeyType === 'ed25519' || publicKey.asymmetricKeyType === 'ed448';
  }
}

/** RFC 5280 section 4.1: SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }. */
function isStronglySigned({ raw }: X509Certificate): boolean {
  const algorithm = partsOf(raw)?.[1];
  const id = algorithm && derElement(raw, algorithm.start, algorithm.end, 0x06);
  if (!algorithm || !id) return false;
  const name = raw.toString('hex', id.start, id.end);
  return name === pss
    ? strongDigest.test(raw.toString('hex', id.end, algorithm.end))
    : strongSignatures.test(name);
}

function partsOf(raw: Buffer) {
  const certificate = derElement(raw, 0, raw.length, 0x30);
  return certificate && derElements(raw, certificate.start, certificate.end);
}

interface Extension {
  readonly id: string;
  readonly critical: boolean;
  /** The contents of its OCTET STRING. */
  readonly value: Buffer;
}

/** RFC 5280 section 4.1.2.9; `null` when they cannot be read. */
function extensionsOf({ raw }: X509Certificate): Extension[] | null {
  const body = partsOf(raw)?.[0];
  const fields = body && derElements(raw, body.start, body.end);
  if (!fields) return null;
  const wrapper = fields.find(({ tag }) => tag === 0xa3);
  if (!wrapper) return [];
  const list = derElement(raw, wrapper.start, wrapper.end, 0x30);
  const entries = list && derElements(raw, list.start, list.end);
  if (!entries) return null;
  const found: Extension[] = [];
  for (const { tag, start, end } of entries) {
    const parts = derElements(raw, start, end);
    const [id, value] = [parts?.[0], parts?.at(-1)];
    if (tag !== 0x30 || !parts || id?.tag !== 0x06 || value?.tag !== 0x04) return null;
    found.push({
      id: raw.toString('hex', id.start, id.end),
      critical: parts.length === 3,
      value: raw.subarray(value.start, value.end),
    });
  }
  return found;
}

/** pathLenConstraint of basicConstraints (RFC 5280 section 4.2.1.9). */
function pathLength(value: Buffer): number {
  const sequence = derElement(value, 0, value.length, 0x30);
  const parts = sequence && derElements(value, sequence.start, sequence.end);
  if (!parts) return 0;
  const number = parts.find(({ tag }) => tag === 0x02);
  if (!number) return Number.POSITIVE_INFINITY;
  return number.end - number.start === 1 ? (value[number.start] ?? 0) : 0;
}

/** A server signs (RFC 8446 section 4.4.2.2); the key exchanges of TLS 1.2 in which it does not are not offered. */
export function keyUsageAllows(leaf: X509Certificate): boolean {
  const usage = extensionsOf(leaf)?.find(({ id }) => id === extensions.keyUsage)?.value;
  if (!usage) return true;
  const bits = derElement(usage, 0, usage.length, 0x03);
  // Bits from the left, the first is digitalSignature (RFC 5280 section 4.2.1.3).
  return bits !== null && ((usage[bits.start + 1] ?? 0) & 0b1000_0000) !== 0;
}
