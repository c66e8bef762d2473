import type { PoolConfig } from 'pg';

/** One of the servers of a database. */
export interface DatabaseHost {
  readonly host: string;
  readonly port: number;
  readonly ssl: NonNullable<PoolConfig['ssl']>;
}

/** Servers of one database, of which one takes changes. The next connection goes to the one that was not found unusable last. */
export class Hosts {
  readonly #all: readonly DatabaseHost[];
  #at = 0;

  /** `all`: at least one, in the order in which they are tried. */
  constructor(all: readonly DatabaseHost[]) {
    this.#all = all;
  }

  get count(): number {
    return this.#all.length;
  }

  get current(): DatabaseHost {
    return this.#all[this.#at] as DatabaseHost;
  }

  /** This one cannot be used, or takes no changes. It may not be the current one any more. */
  failed(host: DatabaseHost): void {
    if (host === this.current) this.#at = (this.#at + 1) % this.#all.length;
  }
}
