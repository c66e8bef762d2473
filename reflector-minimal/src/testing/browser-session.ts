import type { Clock } from 'rm-protocol';
import { defaultLimits } from '../limits.ts';
import type { Session } from '../ports/identity.ts';
import { Sessions } from '../sessions/sessions.ts';
import { systemClock } from '../system-clock.ts';
import { type Stage, user } from './stage.ts';

/** What a browser of the user has after log-in, straight from the store. */
export class BrowserSession {
  readonly #sessions: Sessions;
  readonly #own: { readonly secret: string; readonly session: Session };

  constructor(stage: Stage, clock: Clock = systemClock, name: string = user.name) {
    const hour = 3600_000;
    const { store } = stage.reflector;
    this.#sessions = new Sessions(store, clock, defaultLimits, { absoluteMs: hour, idleMs: hour });
    this.#own = created(
      this.#sessions.create(created(store.users.get(name)), { kind: 'own', address: '', agent: '' }),
    );
  }

  /** `Cookie` for the reflector's own host. */
  get ownCookie(): string {
    return `rm-session=${this.#own.secret}`;
  }

  /** `Cookie` for the host `<label>.<domain>`. */
  deviceCookie(label: string): string {
    const parent = this.#own.session;
    const facts = { kind: 'device', device: label, parent, address: '', agent: '' } as const;
    return `rm-device-session=${created(this.#sessions.create(parent.user, facts)).secret}`;
  }

  logOut(): void {
    this.#sessions.end(this.#own.session);
  }
}

function created<T>(value: T | null): T {
  if (value === null) throw new Error('no session');
  return value;
}
