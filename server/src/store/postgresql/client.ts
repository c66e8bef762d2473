import pg, { type ClientConfig, DatabaseError } from 'pg';
import type { DatabaseHost, Hosts } from './hosts.ts';

/** Codes of what another server of the same database would say as well: credentials, and names that it does not know. */
const ofAllHosts = /^(?:28|3D)/;

/**
 * A connection to the host of the database that is tried now. `pg` leaves the socket of an attempt that it has given up itself, such as
 * one without a password: it would stay, and keep the process, until the database gives up.
 */
export class Client extends pg.Client {
  readonly #hosts: Hosts | undefined;
  readonly #host: DatabaseHost | undefined;

  constructor(config?: ClientConfig & { readonly hosts?: Hosts }) {
    const host = config?.hosts?.current;
    // The pool hides the password from whoever prints its options.
    super({ ...config, password: config?.password, ...host });
    this.#hosts = config?.hosts;
    this.#host = host;
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: (error: Error) => void): void;
  override connect(callback?: (error: Error) => void): Promise<pg.Client> | undefined {
    if (!callback) {
      return super.connect().catch((error) => {
        this.#failed(error);
        throw error;
      });
    }
    super.connect((error: Error) => {
      if (error) {
        this.connection.stream.destroy();
        this.#failed(error);
      }
      callback(error);
    });
    return undefined;
  }

  /** It takes no changes: the next connection goes to another host of the database, if there is one. */
  refused(): void {
    if (this.#host) this.#hosts?.failed(this.#host);
  }

  /** Ends it at once, whatever the database does. Idempotent. */
  drop(): void {
    this.connection.stream.destroy();
  }

  #failed(error: unknown): void {
    if (!(error instanceof DatabaseError && ofAllHosts.test(error.code ?? ''))) this.refused();
  }
}
