import { UserPlaces } from '../api/user-places.ts';
import type { Limits } from '../limits.ts';

type PlaceLimits = Pick<Limits, 'sshThreads' | 'sshThreadsPerDomain' | 'sshThreadsPerUser'>;

/** Which bound is reached. */
export type Taken = 'user' | 'domain' | 'all';

/** Counts the terminals whose SSH ends at the server: neither a user nor a domain takes the places of everybody else. */
export class TerminalPlaces {
  readonly #most: number;
  readonly #ofUsers: UserPlaces;
  readonly #ofDomain = new Map<string, number>();

  constructor({ sshThreads, sshThreadsPerDomain, sshThreadsPerUser }: PlaceLimits) {
    this.#most = sshThreadsPerDomain;
    this.#ofUsers = new UserPlaces({ all: sshThreads, perUser: sshThreadsPerUser });
  }

  /** `domain`: of the device. What gives the place back, once; or which bound is reached. */
  take(user: string, domain: string): (() => void) | Taken {
    const taken = this.#ofDomain.get(domain) ?? 0;
    const leave = this.#ofUsers.take(user);
    if (typeof leave === 'string') return leave;
    if (taken >= this.#most) {
      leave();
      return 'domain';
    }
    this.#ofDomain.set(domain, taken + 1);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      leave();
      const left = (this.#ofDomain.get(domain) ?? 1) - 1;
      if (left === 0) this.#ofDomain.delete(domain);
      else this.#ofDomain.set(domain, left);
    };
  }
}
