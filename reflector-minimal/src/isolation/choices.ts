import type { Limits } from '../limits.ts';
import type { Session } from '../sessions/sessions.ts';

/**
 * Which device a user wants to see on the host that all share, by the session on the reflector's own host. Only a form of
 * the reflector's own sets it, so that no page of a device brings its user to another one. In memory alone: after a
 * restart the user chooses again, unless the browser has its session on that host already.
 */
export class Choices {
  readonly #limits: Pick<Limits, 'sessions'>;
  /** Label of the device by the session's id, the oldest choice first. */
  readonly #labels = new Map<string, string>();

  constructor(limits: Pick<Limits, 'sessions'>) {
    this.#limits = limits;
  }

  /** Beyond `limits.sessions` the oldest choice is forgotten. */
  choose({ id }: Session, label: string): void {
    this.#labels.delete(id);
    for (const oldest of this.#labels.keys()) {
      if (this.#labels.size < this.#limits.sessions) break;
      this.#labels.delete(oldest);
    }
    this.#labels.set(id, label);
  }

  chosen({ id }: Session): string | null {
    return this.#labels.get(id) ?? null;
  }
}
