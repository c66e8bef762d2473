import type { Credentials } from './basic.ts';
import { type Challenge, decodeChallenges } from './challenge.ts';
import { ProtocolError } from './errors.ts';
import { hexEncode, latin1Decode, latin1Encode, utf8DecodeStrict, utf8Encode } from './text.ts';

/** HTTP Digest access authentication (RFC 7616) with SHA-256 and MD5, for `qop=auth` and for peers without `qop`. */

/** Computes a digest of bytes; the caller brings it, because this folder imports nothing. */
export type DigestFunction = (algorithm: 'sha-256' | 'md5', data: Uint8Array) => Uint8Array;

/** The algorithms we answer to, strongest first (RFC 7616 section 3.7 lets the client choose). */
const algorithms = ['SHA-256', 'SHA-256-SESS', 'MD5', 'MD5-SESS'] as const;
type Algorithm = (typeof algorithms)[number];

export interface DigestRequest {
  readonly method: string;
  /** The request target exactly as it stands in the request line. */
  readonly uri: string;
}

/** What a server needs of a client's `Authorization: Digest` header to check it. */
export interface DigestAuthorization {
  readonly user: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  readonly algorithm: 'sha-256' | 'md5';
  /** The nonce count, 8 hexadecimal digits; empty without `qop`. */
  readonly count: string;
  readonly response: string;
  readonly parameters: ReadonlyMap<string, string>;
}

function base(algorithm: Algorithm): 'sha-256' | 'md5' {
  return algorithm.startsWith('SHA') ? 'sha-256' : 'md5';
}

function hash(digest: DigestFunction, algorithm: 'sha-256' | 'md5', ...parts: string[]): string {
  return hexEncode(digest(algorithm, utf8Encode(parts.join(':'))));
}

function algorithmOf(parameters: ReadonlyMap<string, string>): Algorithm | undefined {
  const name = (parameters.get('algorithm') ?? 'MD5').toUpperCase();
  return algorithms.find((candidate) => candidate === name);
}

/** H(user:realm:password), hexadecimal: all that a server must keep to check a user of one realm. */
export function digestSecret(
  digest: DigestFunction,
  algorithm: 'sha-256' | 'md5',
  { user, password }: Credentials,
  realm: string,
): string {
  return hash(digest, algorithm, user, realm, password);
}

/** The `response` value (RFC 7616 section 3.4.1) for a secret made by {@link digestSecret}. */
function responseFor(
  digest: DigestFunction,
  secret: string,
  parameters: ReadonlyMap<string, string>,
  request: DigestRequest,
): string {
  const algorithm = algorithmOf(parameters) ?? 'MD5';
  const kind = base(algorithm);
  const value = (name: string) => parameters.get(name) ?? '';
  const a1 = algorithm.endsWith('-SESS')
    ? hash(digest, kind, secret, value('nonce'), value('cnonce'))
    : secret;
  const a2 = hash(digest, kind, request.method, request.uri);
  return parameters.has('qop')
    ? hash(digest, kind, a1, value('nonce'), value('nc'), value('cnonce'), value('qop'), a2)
    : hash(digest, kind, a1, value('nonce'), a2);
}

/** Text of a header, whose bytes are UTF-8 mostly (RFC 7616 section 3.4) and were read one by one. */
function fromHeader(text: string): string {
  return utf8DecodeStrict(latin1Encode(text)) ?? text;
}

/** The strongest challenge that we can answer, or `null`. */
export function chooseDigest(challenges: readonly Challenge[]): Challenge | null {
  const usable = (challenge: Challenge) => {
    const qop = challenge.parameters.get('qop');
    const offersAuth = qop === undefined || qop.split(',').some((item) => item.trim() === 'auth');
    return challenge.scheme === 'digest' && offersAuth && challenge.parameters.has('nonce');
  };
  for (const algorithm of algorithms) {
    const found = challenges.find((one) => usable(one) && algorithmOf(one.parameters) === algorithm);
    if (found) return found;
  }
  return null;
}

/**
 * Whether a challenge to an answer is worth another one: the server has taken the credentials and only the nonce was too
 * old (RFC 7616 section 3.3). Not twice in a row: that one would never be pleased.
 */
export function isStale(challenge: Challenge, answered: Challenge): boolean {
  const stale = ({ parameters }: Challenge) => parameters.get('stale')?.toLowerCase() === 'true';
  return stale(challenge) && !stale(answered);
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * The `Authorization` (or `Proxy-Authorization`) value that answers a challenge of {@link chooseDigest}.
 * `clientNonce` is fresh random text; `count` is 1 for the first use of the server's nonce.
 */
export function answerDigest(
  digest: DigestFunction,
  challenge: Challenge,
  credentials: Credentials,
  request: DigestRequest,
  clientNonce: string,
  count: number,
): string {
  const algorithm = algorithmOf(challenge.parameters) ?? 'MD5';
  const realm = challenge.parameters.get('realm') ?? '';
  const answer = new Map<string, string>([
    ['username', quote(latin1Decode(utf8Encode(credentials.user)))],
    ['realm', quote(realm)],
    ['nonce', quote(challenge.parameters.get('nonce') ?? '')],
    ['uri', quote(request.uri)],
  ]);
  const values = new Map([
    ['algorithm', algorithm as string],
    ['nonce', challenge.parameters.get('nonce') ?? ''],
    ['cnonce', clientNonce],
    ['nc', count.toString(16).padStart(8, '0')],
  ]);
  if (challenge.parameters.has('qop')) values.set('qop', 'auth');
  const secret = digestSecret(digest, base(algorithm), credentials, fromHeader(realm));
  answer.set('response', quote(responseFor(digest, secret, values, request)));
  if (challenge.parameters.has('algorithm')) {
    answer.set('algorithm', algorithm.replace('-SESS', '-sess'));
  }
  if (values.has('qop') || algorithm.endsWith('-SESS')) answer.set('cnonce', quote(clientNonce));
  if (values.has('qop')) {
    answer.set('qop', 'auth');
    answer.set('nc', values.get('nc') ?? '');
  }
  const opaque = challenge.parameters.get('opaque');
  if (opaque !== undefined) answer.set('opaque', quote(opaque));
  return `Digest ${[...answer].map(([name, value]) => `${name}=${value}`).join(', ')}`;
}

/** Reads a client's header; `null` when it is of another scheme. Throws `RM_CREDENTIALS` when it lacks a part. */
export function decodeDigest(header: string): DigestAuthorization | null {
  const credentials = decodeChallenges(header)[0];
  if (credentials?.scheme !== 'digest') return null;
  const { parameters } = credentials;
  const need = (name: string): string => {
    const value = parameters.get(name);
    if (value === undefined) throw new ProtocolError('RM_CREDENTIALS', `digest without ${name}`);
    return value;
  };
  const algorithm = algorithmOf(parameters);
  if (!algorithm) throw new ProtocolError('RM_CREDENTIALS', 'digest with an unknown algorithm');
  const qop = parameters.get('qop');
  if (qop !== undefined && qop !== 'auth')
    throw new ProtocolError('RM_CREDENTIALS', 'digest with unknown qop');
  if (qop !== undefined) need('cnonce');
  return {
    user: fromHeader(need('username')),
    realm: need('realm'),
    nonce: need('nonce'),
    uri: need('uri'),
    algorithm: base(algorithm),
    count: qop === undefined ? '' : need('nc'),
    response: need('response'),
    parameters,
  };
}

/**
 * The response that a client with this secret would have sent for `method`; the server compares it in constant time
 * with {@link DigestAuthorization.response}, and checks nonce, count, realm and URI itself.
 */
export function expectedDigest(
  digest: DigestFunction,
  secret: string,
  authorization: DigestAuthorization,
  method: string,
): string {
  return responseFor(digest, secret, authorization.parameters, { method, uri: authorization.uri });
}
