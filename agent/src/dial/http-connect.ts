import {
  type Credentials,
  chooseDigest,
  encodeBasic,
  encodeRequestHead,
  isStale,
  ProtocolError,
  type ResponseHead,
} from 'rm-protocol';
import type { Host } from '../host.ts';
import { digestAnswer, readChallenges } from './authorization.ts';
import type { HandshakeStep, ProxyAnswer, ProxyHandshake } from './proxy-handshake.ts';
import { ResponseReader } from './response-reader.ts';

export interface HttpConnectOptions {
  /** `HOST:PORT` of the destination. */
  readonly authority: string;
  readonly credentials: Credentials | null;
  /** What an earlier try has led to, or `null`: credentials are sent to a proxy that has asked for them. */
  readonly answer: ProxyAnswer | null;
  /** Bound of the head of the answer. */
  readonly headBytes: number;
}

/** CONNECT (RFC 9110 section 9.3.6), with Digest (RFC 7616) or Basic (RFC 7617) for a proxy that answers 407. */
export class HttpConnect implements ProxyHandshake {
  readonly #host: Pick<Host, 'crypto'>;
  readonly #options: HttpConnectOptions;
  readonly #reader: ResponseReader;

  constructor(host: Pick<Host, 'crypto'>, options: HttpConnectOptions) {
    this.#host = host;
    this.#options = options;
    this.#reader = new ResponseReader(options.headBytes);
  }

  start(): Uint8Array {
    const { authority, answer } = this.#options;
    return encodeRequestHead('CONNECT', authority, [
      ['Host', authority],
      ...(answer ? [['Proxy-Authorization', answer.authorization] as const] : []),
    ]);
  }

  receive(bytes: Uint8Array, start: number, end: number): HandshakeStep | null {
    const read = this.#reader.push(bytes, start, end);
    if (!read) return null;
    const { response, rest } = read;
    const { status } = response;
    const answer = `${status} ${response.reason}`.trim();
    // tinyproxy answers a wrong password with 401.
    if (status === 407 || status === 401) return this.#challenged(response, `answered ${answer}`);
    if (status < 200 || status > 299) {
      const kind = status === 403 ? 'refusal' : 'fault';
      return {
        failed: `answered ${answer} to CONNECT ${this.#options.authority}`,
        kind,
        scope: 'destination',
      };
    }
    // It is ours to speak first, in TLS as in HTTP.
    if (rest < end) throw new ProtocolError('RM_HTTP_HEAD', 'unasked bytes behind the answer to CONNECT');
    return { passed: answer };
  }

  #challenged({ headers }: ResponseHead, answered: string): HandshakeStep {
    const { credentials, authority, answer } = this.#options;
    const refused = (why: string) =>
      ({ failed: `${answered}: ${why}`, kind: 'refusal', scope: 'proxy' }) as const;
    if (!credentials) return refused('it wants a user and a password');
    const challenges = readChallenges(headers.get('proxy-authenticate') ?? '');
    const digest = chooseDigest(challenges);
    if (answer && !(digest && answer.to && isStale(digest, answer.to)))
      return refused('user or password was not accepted');
    if (digest) {
      const request = { method: 'CONNECT', uri: authority };
      return { authorization: digestAnswer(this.#host, digest, credentials, request), to: digest };
    }
    if (challenges.some(({ scheme }) => scheme === 'basic'))
      return { authorization: encodeBasic(credentials), to: null };
    const offered = challenges
      .map(({ scheme }) => scheme)
      .join(', ')
      .slice(0, 100);
    return refused(`it offers ${offered || 'no scheme'}, possible are Digest (MD5, SHA-256) and Basic`);
  }
}
