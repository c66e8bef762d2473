import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PostgresqlServer } from '../../../test/system/postgresql-server.ts';

const port = 5432;

/** A way to a database server that can be cut, for one of those who use it. */
export class CuttableDatabase {
  readonly #folder = mkdtempSync(join(tmpdir(), 'rm-way-'));
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #isCut = false;

  private constructor(database: PostgresqlServer) {
    this.#server = createServer((near) => {
      this.#sockets.add(near);
      near.on('error', () => {});
      if (this.#isCut) {
        near.destroy();
        return;
      }
      const far = connect(database.socket);
      this.#sockets.add(far);
      far.on('error', () => {});
      near.pipe(far).pipe(near);
      near.on('close', () => far.destroy());
      far.on('close', () => near.destroy());
    });
  }

  static async to(database: PostgresqlServer): Promise<CuttableDatabase> {
    const way = new CuttableDatabase(database);
    await once(way.#server.listen(join(way.#folder, `.s.PGSQL.${port}`)), 'listening');
    return way;
  }

  get url(): string {
    return `postgresql://postgres@${encodeURIComponent(this.#folder)}:${port}/postgres`;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  mend(): void {
    this.#isCut = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
