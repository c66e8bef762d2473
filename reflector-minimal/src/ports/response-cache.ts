import type { OnlineDevice } from './presence.ts';

/*
 * Response cache: keeps answers of devices and gives them again. The core has none; `docs/ports/response-cache.md` has the rules.
 */

/**
 * A request to the web interface of a device, of a user who may send it now: it has passed every check, and the device is on
 * line. Heads are names and values in turn.
 */
export interface WebRequest {
  /** The same object for as long as its tunnel lasts. */
  readonly device: Pick<OnlineDevice, 'id' | 'uid' | 'properties'>;
  /** On the device. */
  readonly port: number;
  /** `uid` of the user. */
  readonly user: string;
  /** What the user's `Host` said, with the scheme: `https://pump-7.example.com`. */
  readonly origin: string;
  readonly method: string;
  /** As it was sent. */
  readonly target: string;
  readonly hasBody: boolean;
  /** As the user sent them. */
  readonly headers: readonly string[];
  /** As the device gets them. */
  readonly deviceHeaders: readonly string[];
}

/** The head of a device's answer. */
export interface WebAnswer {
  /** 200 to 999. */
  readonly status: number;
  readonly reason: string;
  /** As the device sent them. */
  readonly headers: readonly string[];
  /** `close`: the end of the connection is the end of the body, so nobody can tell whether it is whole. */
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  /** Bytes of the body when it is framed by `length`, else 0. */
  readonly length: number;
  /** The connection to the device authenticates its user (NTLM, Negotiate): the request need not say so. */
  readonly connectionAuthenticated: boolean;
}

/** An answer that is given in place of one of the device. */
export interface StoredAnswer {
  readonly status: number;
  readonly reason: string;
  /** As the device sent them: the core adapts them to the user, as it does with every answer. */
  readonly headers: readonly string[];
  /** Whole; not to be changed. */
  readonly body: readonly Buffer[];
}

/** What becomes of a device's answer. */
export interface AnswerUse {
  /** Given to the user in its place, once it is through. */
  readonly instead: StoredAnswer | null;
  /** Lines that are added to the head for the user. */
  readonly added: readonly string[];
}

/** What a cache does with one request. */
export interface CacheUse {
  /** Given to the user at once: the device is not asked, and {@link answered} is not called. */
  readonly stored: StoredAnswer | null;
  /** Lines that are added to `stored`, or to the request for the device. */
  readonly added: readonly string[];
  /** The device answers. Called once at most. */
  answered(answer: WebAnswer): AnswerUse;
  /** A piece of its body, which may be looked at during the call only. */
  body(piece: Buffer): void;
  /** The answer is whole. */
  whole(): void;
  /** The request is over in one way or another. Called once, last. */
  closed(): void;
}

export interface ResponseCache {
  /** Called for every request to a web interface, upgrades aside; `null`: the cache has nothing to do with it. */
  use(request: WebRequest): CacheUse | null;
}
