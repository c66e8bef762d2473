import {
  encodeRequestHead,
  type HttpUri,
  hostHeader,
  ProtocolError,
  retryAfter,
  utf8Decode,
  utf8Encode,
} from 'rm-protocol';
import { ResponseReader } from '../dial/response-reader.ts';
import type { AttemptSettings, EnrolmentSettings } from './attempt-settings.ts';
import type { UpgradeAnswer } from './upgrade.ts';

/** Where a server takes enrolments (`docs/server/enrolment.md`). */
const TARGET = '/my-devices/api/enroll';

/** One request for enrolment and the reply to it: sans-IO. */
export class EnrolmentExchange {
  readonly #settings: AttemptSettings;
  readonly #enrolment: EnrolmentSettings;
  readonly #uri: HttpUri;
  readonly #reader: ResponseReader;
  #reply: { readonly status: number; readonly retryAfterMs: number | null } | null = null;
  #body = new Uint8Array();
  #filled = 0;

  constructor(settings: AttemptSettings, enrolment: EnrolmentSettings, uri: HttpUri) {
    this.#settings = settings;
    this.#enrolment = enrolment;
    this.#uri = uri;
    this.#reader = new ResponseReader(settings.limits.headBytes);
  }

  /** The bytes to send, once. Throws {@link ProtocolError} when something in the settings cannot be sent. */
  request(): Uint8Array {
    const body = utf8Encode(this.#enrolment.body);
    const head = encodeRequestHead('POST', TARGET, [
      ['Host', hostHeader(this.#uri)],
      ['Connection', 'close'],
      ['Content-Type', 'application/json'],
      ['Content-Length', String(body.length)],
      ...this.#settings.fields.filter(([name]) => name === 'User-Agent'),
    ]);
    const bytes = new Uint8Array(head.length + body.length);
    bytes.set(head);
    bytes.set(body, head.length);
    return bytes;
  }

  /** The answer, or `null` when more is to come. */
  receive(bytes: Uint8Array, start: number, end: number): UpgradeAnswer | null {
    let from = start;
    if (!this.#reply) {
      try {
        const read = this.#reader.push(bytes, start, end);
        if (!read) return null;
        const { status, headers } = read.response;
        const length = Number(headers.get('content-length') ?? Number.NaN);
        if (!(Number.isInteger(length) && length >= 0 && length <= this.#settings.limits.headBytes))
          return this.#failed(`${status} without a short body`);
        this.#reply = { status, retryAfterMs: retryAfter(headers) };
        this.#body = new Uint8Array(length);
        from = read.rest;
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        return this.#failed(error.message);
      }
    }
    const { status, retryAfterMs } = this.#reply;
    const piece = bytes.subarray(from, Math.min(end, from + this.#body.length - this.#filled));
    this.#body.set(piece, this.#filled);
    this.#filled += piece.length;
    if (this.#filled < this.#body.length) return null;
    const next = this.#enrolment.accept(status, utf8Decode(this.#body, 0, this.#filled));
    return next && 'error' in next ? this.#failed(next.error, retryAfterMs) : { enrolled: next };
  }

  #failed(why: string, retryAfterMs: number | null = null): UpgradeAnswer {
    const { otherwise } = this.#enrolment;
    if (otherwise) return { enrolled: otherwise };
    const failed = `${hostHeader(this.#uri)}: ${why}`;
    // Who waits for a person is not refused.
    const kind = this.#reply?.status === 202 ? 'fault' : 'refusal';
    return { failed, kind, retryAfterMs, final: retryAfterMs !== null };
  }
}
