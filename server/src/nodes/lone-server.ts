import { randomUUID } from 'node:crypto';
import type { Cancellable, Clock } from 'rm-protocol';
import { StoreError, StoreUnavailable } from 'rm-reflector/ports';
import { connectionOf, type PostgresqlAddress } from '../store/postgresql/connection.ts';
import { Database } from '../store/postgresql/database.ts';
import { type PostgresqlLimits, postgresqlLimits } from '../store/postgresql/limits.ts';
import type { NodeLimits } from './limits.ts';
import { hasNodes, leaseEnd, lives, loner } from './node-rows.ts';

export interface LoneServerOptions extends PostgresqlAddress {
  readonly database?: Partial<PostgresqlLimits>;
  readonly limits: Pick<NodeLimits, 'leaseMs' | 'renewMs'>;
  readonly clock: Clock;
  /** Nodes have begun to use the database while this server could not reach it. Called once. */
  readonly superseded: (nodes: readonly string[]) => void;
}

/**
 * A server that is no node, and uses the database. While its lease lasts, no node begins. Nodes whose lease was over when it began learn,
 * when they come back, that they are superseded.
 */
export class LoneServer {
  readonly #options: LoneServerOptions;
  readonly #database: Database;
  /** The database has the tables of nodes: on a new one, from {@link hold} on. */
  #hasTables = false;
  #timer: Cancellable | null = null;
  #renewing: Promise<void> = Promise.resolve();
  #stopped = false;

  private constructor(options: LoneServerOptions) {
    const { database, limits: _, clock: __, superseded: ___, ...address } = options;
    this.#options = options;
    this.#database = new Database(
      connectionOf(address).config,
      { ...postgresqlLimits, ...database, connections: 1 },
      () => {},
    );
  }

  /** Rejects with `StoreError`, also where nodes use the database. */
  static async begin(options: LoneServerOptions): Promise<LoneServer> {
    const server = new LoneServer(options);
    try {
      server.#hasTables = await hasNodes(server.#database);
      const living = server.#hasTables ? await server.#begin() : [];
      if (living.length > 0) {
        throw new StoreError(
          `the database: is used by nodes (${living.join(', ')}): give this server the key "node" too, or stop them`,
        );
      }
    } catch (error) {
      await server.#database.close();
      throw error;
    }
    server.#schedule();
    return server;
  }

  /** The tables are there: renews the lease at once, which begins now on a new database. Rejects with `StoreError`. */
  async hold(): Promise<void> {
    this.#hasTables = true;
    const held = this.#renewing.then(() => this.#renew());
    this.#renewing = held.catch(() => {});
    await held;
  }

  /** Nodes may begin. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#renewing;
    const release = 'UPDATE rm_server.fleet_nodes SET lease_until = clock_timestamp() WHERE name = $1';
    if (this.#hasTables) await this.#try(async () => void (await this.#database.run(null, release, loner)));
    await this.#database.close();
  }

  #schedule(): void {
    if (this.#stopped) return;
    const { clock, limits } = this.#options;
    this.#timer = clock.schedule(limits.renewMs, () => {
      this.#renewing = this.#renewing.then(() => this.#try(() => this.#renew())).then(() => this.#schedule());
    });
  }

  /** While the database is away, there is nothing to renew; the store says that it is. */
  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  async #renew(): Promise<void> {
    if (!this.#hasTables) return;
    const renew = `UPDATE rm_server.fleet_nodes SET lease_until = ${leaseEnd(this.#options.limits.leaseMs)} WHERE name = $1`;
    if ((await this.#database.run(null, renew, loner)) > 0) return;
    const living = await this.#begin();
    if (living.length === 0) return;
    this.#stopped = true;
    this.#options.superseded(living);
  }

  /** Names of the nodes whose lease lasts: then nothing was done. */
  #begin(): Promise<readonly string[]> {
    return this.#database.transact('changes', async ({ query, run }) => {
      // No lease is renewed meanwhile.
      await run('LOCK TABLE rm_server.fleet_nodes IN SHARE ROW EXCLUSIVE MODE');
      const living = await query<{ name: string }>(
        `SELECT name FROM rm_server.fleet_nodes WHERE ${lives} ORDER BY name`,
      );
      if (living.length > 0) return living.map(({ name }) => name);
      await run('DELETE FROM rm_server.fleet_nodes');
      // Each of them says again what it has; a new id makes others that read it begin anew.
      await run('DELETE FROM rm_server.fleet_presence');
      await run('DELETE FROM rm_server.fleet_presence_state');
      await run(
        `INSERT INTO rm_server.fleet_nodes (epoch, name, instance, address, lease_until, superseded)
         VALUES (nextval('rm_server.fleet_epochs'), $1, $2, '', ${leaseEnd(this.#options.limits.leaseMs)}, true)`,
        ...[loner, randomUUID()],
      );
      return [];
    });
  }
}
