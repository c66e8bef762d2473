import type { Clock } from 'rm-protocol';
import { StoreCache } from '../cache/store-cache.ts';
import { defaultLimits } from '../limits.ts';
import type { Session } from '../ports/identity.ts';
import { Sessions } from '../sessions/sessions.ts';
import { systemClock } from '../system-clock.ts';
import { type Stage, user } from './stage.ts';

/** What a browser of the user has after log-in, straight from the store. */
export class BrowserSession {
  readonly #sessions: Sessions;
  readonly #own: { readonly secret: string; readonly session: Session };

  private constructor(sessions: Sessions, own: { readonly secret: string; readonly session: Session }) {
    this.#sessions = sessions;
    this.#own = own;
  }

  static async open(
    stage: Stage,
    clock: Clock = systemClock,
    name: string = user.name,
  ): Promise<BrowserSession> {
    const hour = 3600_000;
    const { store } = stage.reflector;
    const cache = new StoreCache(store, clock, defaultLimits);
    const later = (_key: string, write: () => Promise<void>) => void write();
    const sessions = new Sessions(
      { store, cache, clock, limits: defaultLimits, later },
      { absoluteMs: hour, idleMs: hour },
    );
    const of = present(await store.users.get(name));
    return new BrowserSession(
      sessions,
      present(await sessions.create(of, { kind: 'own', address: '', agent: '' })),
    );
  }

  /** `Cookie` for the reflector's own host. */
  get ownCookie(): string {
    return `rm-session=${this.#own.secret}`;
  }

  /** `Cookie` for the host `<label>.<domain>`. */
  async deviceCookie(label: string): Promise<string> {
    const parent = this.#own.session;
    const facts = { kind: 'device', device: label, parent, address: '', agent: '' } as const;
    return `rm-device-session=${present(await this.#sessions.create(parent.user, facts)).secret}`;
  }

  async logOut(): Promise<void> {
    await this.#sessions.end(this.#own.session);
  }
}

function present<T>(value: T | null): T {
  if (value === null) throw new Error('no session');
  return value;
}
