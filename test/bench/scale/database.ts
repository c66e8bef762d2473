import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PostgreSQL refuses to run as root. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** What a database has done so far. */
export interface Written {
  readonly transactions: number;
  /** Rows inserted, updated and deleted. */
  readonly rows: number;
  /** Bytes of the write-ahead log. */
  readonly logBytes: number;
}

/** Debian's PostgreSQL with its own settings, in a folder of its own and at a Unix socket there. */
export class Database {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(): Promise<Database> {
    const folder = mkdtempSync(join(tmpdir(), 'rm-bench-pg-'));
    if (nobody.uid !== undefined) chownSync(folder, nobody.uid, nobody.gid);
    const database = new Database(folder);
    const how = ['-D', database.#data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C'];
    await run(program('initdb'), how, { ...nobody, cwd: folder });
    const options = `-k ${folder} -c listen_addresses=`;
    const args = ['-D', database.#data, '-l', join(folder, 'log'), '-w', '-t', '240', '-o', options, 'start'];
    // It keeps no pipe of ours open.
    const starting = spawn(program('pg_ctl'), args, { ...nobody, cwd: folder, stdio: 'ignore' });
    const [status] = await once(starting, 'exit');
    if (status !== 0) throw new Error(`PostgreSQL does not start, see ${folder}/log`);
    return database;
  }

  get url(): string {
    return `postgresql://postgres@${encodeURIComponent(this.#folder)}:5432/postgres`;
  }

  async written(): Promise<Written> {
    const query = `SELECT xact_commit, tup_inserted + tup_updated + tup_deleted, pg_current_wal_lsn() - '0/0'
       FROM pg_stat_database WHERE datname = 'postgres'`;
    const args = ['-h', this.#folder, '-U', 'postgres', '-At', '-F', ' ', '-c', query, 'postgres'];
    const { stdout } = await run(program('psql'), args);
    const [transactions = 0, rows = 0, logBytes = 0] = stdout.trim().split(' ').map(Number);
    return { transactions, rows, logBytes };
  }

  async end(): Promise<void> {
    await run(program('pg_ctl'), ['-D', this.#data, '-m', 'immediate', '-w', 'stop'], {
      ...nobody,
      cwd: this.#folder,
    });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }
}

/** Of the newest version that is installed. */
function program(name: string): string {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).map(Number) : [];
  return `${root}/${Math.max(...versions)}/bin/${name}`;
}
