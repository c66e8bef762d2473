import type { Limits } from '../limits.ts';
import type { Session } from '../ports/identity.ts';
import { FairShareTable } from '../throttling/fair-share-table.ts';

/**
 * Which device a user wants to see on the host that all share, by the session on the reflector's own host. Only a form of
 * the reflector's own sets it, so that no page of a device brings its user to another one. In memory alone: after a
 * restart the user chooses again, unless the browser has its session on that host already.
 */
export class Choices {
  /** Label of the device by the session's id. */
  readonly #labels: FairShareTable<string>;

  constructor({ sessions, sessionsPerUser }: Pick<Limits, 'sessions' | 'sessionsPerUser'>) {
    this.#labels = new FairShareTable({ perUser: sessionsPerUser, total: sessions });
  }

  /** Beyond `limits.sessionsPerUser` the oldest choice of this user is forgotten: its session has most likely ended. */
  choose({ id, user }: Session, label: string): void {
    this.#labels.set(user.name, id, label);
  }

  chosen({ id }: Session): string | null {
    return this.#labels.get(id) ?? null;
  }
}
