import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { Eventual } from '../ports/eventual.ts';
import type { Session } from '../ports/identity.ts';
import { FairShareTable } from '../throttling/fair-share-table.ts';

/** Where a code is valid. */
export interface CodePurpose {
  /** The host that the device is shown on. */
  readonly host: string;
  /** What the browser that asked keeps in a cookie on that host. */
  readonly nonce: string;
}

/** What a code was issued for. */
export interface CodeGrant {
  /** Of kind `own`. */
  readonly session: Pick<Session, 'hash' | 'kind' | 'device'>;
  /** What the device session will be valid for. */
  readonly device: string;
}

/**
 * One-time codes with which a browser that is logged in on the reflector's own host gets a session on the host of a device,
 * as in OAuth 2.0 (RFC 6749 section 4.1), bound to the browser (RFC 9700 section 4.7). A code is valid once, for
 * `limits.deviceCodeMs`, on one host, and only in the browser with the nonce. Anybody else who sees it can do nothing with it,
 * and nobody can log another browser in with a code of their own.
 */
export interface OneTimeCodes {
  /** `session`: of kind `own`; `device`: what the session of kind `device` will be valid for. */
  issue(session: Session, device: string, purpose: CodePurpose): string;
  /**
   * What the code was issued for; `null` if it is not valid here. It is used up in any case. Rejects with `StoreUnavailable` when it
   * cannot be told whether it was used.
   */
  redeem(code: string, purpose: CodePurpose): Eventual<CodeGrant | null>;
}

interface Issued extends CodePurpose {
  readonly session: Session;
  /** What the device session will be valid for. */
  readonly device: string;
  readonly expires: number;
}

type CodeLimits = Pick<Limits, 'deviceCodes' | 'deviceCodesPerUser' | 'deviceCodeMs'>;

/** The codes of one process, in memory only: after a restart the browser gets another one. */
export class DeviceCodes implements OneTimeCodes {
  readonly #clock: Clock;
  readonly #limits: CodeLimits;
  /** By the digest of the code. */
  readonly #issued: FairShareTable<Issued>;

  constructor(clock: Clock, limits: CodeLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#issued = new FairShareTable({ perUser: limits.deviceCodesPerUser, total: limits.deviceCodes });
  }

  /**
   * Beyond `limits.deviceCodesPerUser`, the user's oldest code becomes invalid; beyond `limits.deviceCodes`, the oldest of the user
   * with most.
   */
  issue(session: Session, device: string, { host, nonce }: CodePurpose): string {
    const now = this.#clock.now();
    this.#issued.takeWhile(({ expires }) => expires <= now);
    const code = randomBytes(32).toString('base64url');
    const expires = now + this.#limits.deviceCodeMs;
    this.#issued.set(session.user.name, digest(code), { host, nonce, session, device, expires });
    return code;
  }

  redeem(code: string, { host, nonce }: CodePurpose): Pick<Issued, 'session' | 'device'> | null {
    const issued = this.#issued.take(digest(code));
    if (!issued || issued.expires <= this.#clock.now() || issued.host !== host) return null;
    return timingSafeEqual(Buffer.from(digest(issued.nonce)), Buffer.from(digest(nonce))) ? issued : null;
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
