import {
  acceptFor,
  type Challenge,
  checkUpgradeResponse,
  chooseDigest,
  encodeBasic,
  encodeUpgradeRequest,
  formatHttpUri,
  type HttpUri,
  hostHeader,
  isStale,
  ProtocolError,
  type ResponseHead,
  resolveLocation,
  retryAfter,
  SERVER_PROTOCOL,
} from 'rm-protocol';
import { digestAnswer, readChallenges } from '../dial/authorization.ts';
import type { FailureKind } from '../dial/back-off.ts';
import { ResponseReader } from '../dial/response-reader.ts';
import type { Host } from '../host.ts';
import type { AttemptSettings } from './attempt-settings.ts';

/** What the answer of a reflector means (`webtunnel.md` section 1). */
export type UpgradeAnswer =
  | { readonly upgraded: ResponseHead; readonly early: Uint8Array }
  | { readonly redirect: HttpUri }
  /** The request is to be sent again, with an answer to this. */
  | { readonly challenge: Challenge }
  /** The attempt goes on with these settings, or ends without a word. */
  | { readonly enrolled: AttemptSettings | null }
  | {
      readonly failed: string;
      readonly kind: FailureKind;
      readonly retryAfterMs: number | null;
      /** The answer is certainly the reflector's: the same request by another route would get the same. */
      readonly final: boolean;
    };

/** Statuses that only a reflector sends, and that a repeated request would get again. */
const refusalStatuses = new Set([401, 403, 410, 451]);

/** Statuses that also a proxy in front of the reflector sends, if it drops `Upgrade` or is being reconfigured. */
const ambiguousStatuses = new Set([400, 404, 405, 426]);

/** One upgrade request and the answer to it: sans-IO. */
export class UpgradeExchange {
  readonly #host: Host;
  readonly #settings: AttemptSettings;
  readonly #uri: HttpUri;
  readonly #challenge: Challenge | null;
  readonly #reader: ResponseReader;
  readonly #nonce = new Uint8Array(16);

  /** `challenge` is that of an earlier answer of this reflector. */
  constructor(host: Host, settings: AttemptSettings, uri: HttpUri, challenge: Challenge | null) {
    this.#host = host;
    this.#settings = settings;
    this.#uri = uri;
    this.#challenge = challenge;
    this.#reader = new ResponseReader(settings.limits.headBytes);
    host.crypto.random(this.#nonce);
  }

  /** The bytes to send, once. Throws {@link ProtocolError} when something in the settings cannot be sent. */
  request(): Uint8Array {
    const { method, fields } = this.#settings;
    const authorization = this.#authorization();
    return encodeUpgradeRequest({
      method,
      target: this.#uri.target,
      host: hostHeader(this.#uri),
      nonce: this.#nonce,
      protocol: SERVER_PROTOCOL,
      fields: [...(authorization === null ? [] : [['Authorization', authorization] as const]), ...fields],
    });
  }

  #authorization(): string | null {
    const { auth, credentials, method } = this.#settings;
    if (auth === 'basic') return encodeBasic(credentials);
    return (
      this.#challenge &&
      digestAnswer(this.#host, this.#challenge, credentials, { method, uri: this.#uri.target })
    );
  }

  /** The answer, or `null` when more is to come. */
  receive(bytes: Uint8Array, start: number, end: number): UpgradeAnswer | null {
    try {
      const read = this.#reader.push(bytes, start, end);
      if (!read) return null;
      const { response, rest } = read;
      if (response.status !== 101) return this.#notUpgraded(response);
      const sha1 = (data: Uint8Array) => this.#host.crypto.digest('sha-1', data);
      checkUpgradeResponse(response, acceptFor(this.#nonce, sha1), SERVER_PROTOCOL);
      return { upgraded: response, early: new Uint8Array(bytes.subarray(rest, end)) };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return failed(
        error.code === 'RM_UPGRADE' ? 'refusal' : 'fault',
        `${hostHeader(this.#uri)}: ${error.message}`,
      );
    }
  }

  #notUpgraded({ status, reason, headers }: ResponseHead): UpgradeAnswer {
    const offered = headers.get('www-authenticate') ?? '';
    if ([301, 302, 303, 307, 308].includes(status)) return this.#redirect(headers.get('location') ?? '');
    const { auth } = this.#settings;
    if (status === 401 && auth === 'digest') {
      const challenge = chooseDigest(readChallenges(offered));
      if (challenge && (!this.#challenge || isStale(challenge, this.#challenge))) return { challenge };
    }
    const text = headers.get('x-ptth-error');
    const answer = `${status} ${reason}${text ? ` (${text})` : ''}`.trim();
    let hint = '';
    if (status === 401 && auth === 'basic' && /digest/i.test(offered))
      hint = '; it offers Digest: see device.auth';
    else if (ambiguousStatuses.has(status) && !text)
      hint = '; does the proxy in front of it pass "Upgrade" on?';
    const kind = refusalStatuses.has(status) ? 'refusal' : 'fault';
    const retryAfterMs = retryAfter(headers);
    // Without TLS, a middlebox may have removed the upgrade from the request.
    const certain = this.#uri.secure
      ? kind === 'refusal' || ambiguousStatuses.has(status)
      : status === 401 || status === 403;
    return {
      failed: `${hostHeader(this.#uri)} answered ${answer}${hint}`,
      kind,
      retryAfterMs,
      final: certain || retryAfterMs !== null,
    };
  }

  #redirect(location: string): UpgradeAnswer {
    const from = hostHeader(this.#uri);
    const uri = resolveLocation(this.#uri, location);
    if (!uri) {
      const where = location.slice(0, 200);
      return failed('fault', `${from} redirects to "${where}", which is no http: or https: URI`);
    }
    if (this.#uri.secure && !uri.secure) {
      return failed('fault', `${from} redirects from https: to ${formatHttpUri(uri)}; that is not followed`);
    }
    return { redirect: uri };
  }
}

function failed(kind: FailureKind, message: string): UpgradeAnswer {
  return { failed: message, kind, retryAfterMs: null, final: false };
}
