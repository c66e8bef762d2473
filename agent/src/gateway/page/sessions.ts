import { base64Encode, latin1Encode } from 'rm-protocol';
import type { Host } from '../../host.ts';
import { pageLimits } from './limits.ts';
import { randomText } from './random-text.ts';

type Machine = Pick<Host, 'clock' | 'crypto'>;

export interface Session {
  /** What each request must bring besides the cookie. */
  readonly proof: string;
}

interface Entry extends Session {
  /** The user of the reflector who has begun it; `null`: somebody with the password. */
  readonly visitor: string | null;
  readonly endsAt: number;
  usedAt: number;
}

/** Who has logged in, in memory only. A session is found by the digest of its cookie, so that no time tells how much was right. */
export class Sessions {
  readonly #machine: Machine;
  /** Whoever used it least recently stands first. */
  readonly #entries = new Map<string, Entry>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** The cookie of a new session; `visitor`: the user of the reflector for whom alone it counts. */
  begin(visitor: string | null): { readonly cookie: string; readonly session: Session } {
    const cookie = randomText(this.#machine);
    const now = this.#machine.clock.now();
    const entry = {
      visitor,
      proof: randomText(this.#machine),
      endsAt: now + pageLimits.sessionMs,
      usedAt: now,
    };
    this.#entries.set(this.#key(cookie), entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > pageLimits.sessions && oldest !== undefined) this.#entries.delete(oldest);
    return { cookie, session: entry };
  }

  /**
   * The session of a cookie, which counts as used now; `null`: there is none for this visitor, or it has ended. `visitor`: the user of
   * whom the reflector says that they ask; `null`: it says nothing.
   */
  find(cookie: string, visitor: string | null): Session | null {
    const key = this.#key(cookie);
    const entry = this.#entries.get(key);
    if (!entry || (entry.visitor !== null && entry.visitor !== visitor)) return null;
    const now = this.#machine.clock.now();
    this.#entries.delete(key);
    if (now >= entry.endsAt || now >= entry.usedAt + pageLimits.sessionIdleMs) return null;
    entry.usedAt = now;
    this.#entries.set(key, entry);
    return entry;
  }

  end(cookie: string): void {
    this.#entries.delete(this.#key(cookie));
  }

  /** All but that of this cookie. */
  endOthers(cookie: string): void {
    const key = this.#key(cookie);
    for (const other of this.#entries.keys()) if (other !== key) this.#entries.delete(other);
  }

  #key(cookie: string): string {
    return base64Encode(this.#machine.crypto.digest('sha-256', latin1Encode(cookie)));
  }
}
