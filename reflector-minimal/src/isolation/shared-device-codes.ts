import { createHash, timingSafeEqual } from 'node:crypto';
import type { OneUseTokens } from '../one-use/one-use-tokens.ts';
import type { Session } from '../ports/identity.ts';
import type { CodeGrant, CodePurpose, OneTimeCodes } from './device-codes.ts';

interface Payload {
  readonly host: string;
  /** Digest of the nonce; base64url. */
  readonly nonce: string;
  /** Hash of the session; base64url. */
  readonly session: string;
  readonly device: string;
}

/** Codes that any process of an installation takes: the own host may be served by one, the host of the device by another. */
export class SharedDeviceCodes implements OneTimeCodes {
  readonly #tokens: OneUseTokens;

  constructor(tokens: OneUseTokens) {
    this.#tokens = tokens;
  }

  issue(session: Session, device: string, { host, nonce }: CodePurpose): string {
    const payload: Payload = {
      host,
      nonce: digest(nonce).toString('base64url'),
      session: session.hash.toString('base64url'),
      device,
    };
    return this.#tokens.issue(Buffer.from(JSON.stringify(payload)));
  }

  async redeem(code: string, { host, nonce }: CodePurpose): Promise<CodeGrant | null> {
    const payload = await this.#tokens.redeem(code);
    if (!payload) return null;
    const issued = JSON.parse(payload.toString()) as Payload;
    const isHere = issued.host === host;
    if (!isHere || !timingSafeEqual(Buffer.from(issued.nonce, 'base64url'), digest(nonce))) return null;
    const hash = Buffer.from(issued.session, 'base64url');
    return { session: { hash, kind: 'own', device: null }, device: issued.device };
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
