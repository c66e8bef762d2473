/** How many things may be open at once. */
export interface PlaceBounds {
  readonly all: number;
  readonly perUser: number;
}

/** Counts what users hold open, so that nobody takes the places of everybody else. */
export class UserPlaces {
  readonly #bounds: PlaceBounds;
  readonly #ofUser = new Map<string, number>();
  #all = 0;

  constructor(bounds: PlaceBounds) {
    this.#bounds = bounds;
  }

  get taken(): number {
    return this.#all;
  }

  /** What gives the place back, once; or which bound is reached. */
  take(user: string): (() => void) | 'user' | 'all' {
    const taken = this.#ofUser.get(user) ?? 0;
    if (taken >= this.#bounds.perUser) return 'user';
    if (this.#all >= this.#bounds.all) return 'all';
    this.#ofUser.set(user, taken + 1);
    this.#all++;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#all--;
      const left = (this.#ofUser.get(user) ?? 1) - 1;
      if (left === 0) this.#ofUser.delete(user);
      else this.#ofUser.set(user, left);
    };
  }
}
