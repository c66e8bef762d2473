import { createHmac, randomBytes } from 'node:crypto';
import { decodeBasic } from 'rm-agent/protocol';
import type { Limits } from '../limits.ts';
import type { PasswordVerifier } from '../passwords/verifier.ts';
import type { Session } from '../sessions/sessions.ts';
import type { Tokens } from '../users/tokens.ts';

/**
 * Tells credentials of the reflector from those of a device, in a request that a session has let in: such an
 * `Authorization` belongs to the device, unless it would give away what opens the reflector: a token of ours, or the
 * name and password of this very user, who may have used one for both, or whose browser remembers it.
 *
 * That must not become a way to try passwords. So only the user's own name is looked at, and what came out is
 * remembered; after `limits.deviceCredentials` passwords of one user for one device nothing more is tried, or passed, under
 * this name. It is the same count for all sessions and ports: a device's page can have its user's browser open one after
 * the other.
 */
export class DeviceCredentials {
  readonly #verifier: PasswordVerifier;
  readonly #tokens: Pick<Tokens, 'verify'>;
  readonly #limits: Pick<Limits, 'deviceCredentials' | 'verifiedCredentials'>;
  readonly #key = randomBytes(32);
  /** By user and device, the oldest first: whether a password, by its HMAC, is for the device. */
  readonly #verdicts = new Map<string, Map<string, Promise<boolean>>>();

  constructor(
    verifier: PasswordVerifier,
    tokens: Pick<Tokens, 'verify'>,
    limits: Pick<Limits, 'deviceCredentials' | 'verifiedCredentials'>,
  ) {
    this.#verifier = verifier;
    this.#tokens = tokens;
    this.#limits = limits;
  }

  /** Whether this device may see this `Authorization`. */
  async forDevice(authorization: string, { user }: Pick<Session, 'user'>, device: string): Promise<boolean> {
    const token = /^bearer +([^ ]+) *$/i.exec(authorization)?.[1];
    if (token !== undefined) return this.#tokens.verify(token) === null;
    const basic = decodeBasic(authorization);
    if (!basic || basic.user !== user.name) return true;
    const verdicts = this.#verdictsOf(JSON.stringify([user.name, device]));
    const key = createHmac('sha256', this.#key)
      .update(JSON.stringify([user.password, basic.password]))
      .digest('base64');
    let verdict = verdicts.get(key);
    if (!verdict) {
      if (verdicts.size >= this.#limits.deviceCredentials) return false;
      const claim = { kind: 'user', name: user.name, password: basic.password } as const;
      verdict = this.#verifier.verify(claim, user.password).then(
        (ours) => !ours,
        // Too many wait: not now.
        () => {
          verdicts.delete(key);
          return false;
        },
      );
      verdicts.set(key, verdict);
    }
    return verdict;
  }

  #verdictsOf(key: string): Map<string, Promise<boolean>> {
    let verdicts = this.#verdicts.get(key);
    if (!verdicts) {
      for (const oldest of this.#verdicts.keys()) {
        if (this.#verdicts.size < this.#limits.verifiedCredentials) break;
        this.#verdicts.delete(oldest);
      }
      verdicts = new Map();
      this.#verdicts.set(key, verdicts);
    }
    return verdicts;
  }
}
