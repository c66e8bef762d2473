import type { Cancellable, Clock } from 'rm-protocol';
import { Client } from '../store/postgresql/client.ts';
import type { ConnectionConfig } from '../store/postgresql/connection.ts';
import { takesNoChanges } from '../store/postgresql/unavailable.ts';
import type { NodeLimits } from './limits.ts';

export interface HintsOptions {
  readonly config: ConnectionConfig;
  readonly connectMs: number;
  readonly clock: Clock;
  readonly limits: Pick<NodeLimits, 'retryMs' | 'hintRetryMs'>;
  /** A node has told something. `epoch`: which node; `null`: it is not known. */
  readonly heard: (epoch: number | null) => void;
  /** From 0 to 1; `Math.random` by default. */
  readonly random?: () => number;
}

const channel = 'rm_server_presence';

/** To be run in the transaction that tells something; several of one transaction are one notification. */
export const hintStatement = `SELECT pg_notify('${channel}', $1)`;

/**
 * A connection of its own by which a node hears at once that another has told something. It is a hint only: nothing comes behind a pooler
 * in transaction mode, nor while the connection is being opened again, and nobody is told of that.
 */
export class Hints {
  readonly #options: HintsOptions;
  #client: Client | null = null;
  #timer: Cancellable | null = null;
  #waitMs: number;
  #closed = false;

  constructor(options: HintsOptions) {
    this.#options = options;
    this.#waitMs = options.limits.retryMs;
    this.#open();
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#client?.drop();
  }

  #open(): void {
    const { config, connectMs, heard, limits } = this.#options;
    const client = new Client({
      ...config,
      application_name: 'rm-server hints',
      connectionTimeoutMillis: connectMs,
      query_timeout: connectMs,
      keepAlive: true,
    });
    this.#client = client;
    client.on('error', () => this.#lost(client));
    client.on('end', () => this.#lost(client));
    client.on('notification', ({ payload }) => {
      const epoch = Number(payload);
      heard(payload && Number.isSafeInteger(epoch) ? epoch : null);
    });
    client
      .connect()
      .then(() => client.query(`LISTEN ${channel}`))
      .then(
        () => {
          this.#waitMs = limits.retryMs;
        },
        (error) => {
          if (takesNoChanges(error)) client.refused();
          this.#lost(client);
        },
      );
  }

  #lost(client: Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    client.drop();
    if (this.#closed) return;
    const { clock, limits, random = Math.random } = this.#options;
    // Up to half of it is left to chance: the nodes have lost the database at the same moment.
    this.#timer = clock.schedule(this.#waitMs * (0.5 + 0.5 * random()), () => this.#open());
    this.#waitMs = Math.min(2 * this.#waitMs, limits.hintRetryMs);
  }
}
