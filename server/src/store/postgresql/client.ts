import type { Duplex } from 'node:stream';
import pg, { type ClientConfig, DatabaseError } from 'pg';
import type { DatabaseHost, Hosts } from './hosts.ts';

/** What `pg` declares of its connection, and what it calls once its stream speaks, with TLS or without. */
interface Attaching {
  attachListeners(stream: Duplex): void;
}

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
    const connection = this.connection as unknown as Attaching;
    const attach = connection.attachListeners;
    connection.attachListeners = (stream) => {
      attach.call(connection, stream);
      containReading(stream);
    };
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

/**
 * `pg` reads messages in a listener of the stream, and throws there at one that cannot be read: that would end the process. It ends
 * the connection.
 */
function containReading(stream: Duplex): void {
  for (const listener of stream.listeners('data')) {
    const read = listener as (bytes: Buffer) => void;
    stream.off('data', read).on('data', (bytes: Buffer) => {
      try {
        read(bytes);
      } catch (error) {
        const reason = error instanceof Error ? error.message : error;
        stream.destroy(new Error(`its answer cannot be read: ${reason}`));
      }
    });
  }
}
