import type { Limits } from '../limits.ts';
import type { Session } from '../ports/identity.ts';
import { FairShareTable } from '../throttling/fair-share-table.ts';

/**
 * The device that a user has chosen for the shared host, by the session on the reflector's own host. Only a form of the
 * reflector sets it, so that no device's page can switch its user to another device.
 */
export interface DeviceChoices {
  /** Returns what is to come back with the browser for {@link chosen}; `null`: nothing. */
  choose(session: Session, label: string): string | null;
  /** `carried`: what the browser has brought. */
  chosen(session: Session, carried: string | null): string | null;
}

/** The choices of one process, in memory only: after a restart, a user whose browser has no session on the shared host chooses again. */
export class Choices implements DeviceChoices {
  /** Label of the device by the session's id. */
  readonly #labels: FairShareTable<string>;

  constructor({ sessions, sessionsPerUser }: Pick<Limits, 'sessions' | 'sessionsPerUser'>) {
    this.#labels = new FairShareTable({ perUser: sessionsPerUser, total: sessions });
  }

  /** Beyond `limits.sessionsPerUser`, the user's oldest choice is forgotten. Its session has most likely ended. */
  choose({ id, user }: Session, label: string): null {
    this.#labels.set(user.name, id, label);
    return null;
  }

  chosen({ id }: Session): string | null {
    return this.#labels.get(id) ?? null;
  }
}
