import pg from 'pg';

/**
 * A connection to the database. `pg` leaves the socket of an attempt that it has given up itself, such as one without a password:
 * it would stay, and keep the process, until the database gives up.
 */
export class Client extends pg.Client {
  override connect(): Promise<pg.Client>;
  override connect(callback: (error: Error) => void): void;
  override connect(callback?: (error: Error) => void): Promise<pg.Client> | undefined {
    if (!callback) return super.connect();
    super.connect((error: Error) => {
      if (error) this.connection.stream.destroy();
      callback(error);
    });
    return undefined;
  }

  /** Ends it at once, whatever the database does. Idempotent. */
  drop(): void {
    this.connection.stream.destroy();
  }
}
