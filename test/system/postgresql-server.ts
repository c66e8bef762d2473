import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

/** PostgreSQL and pgbouncer refuse to run as root. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** Debian's PostgreSQL, in a folder of its own and at a Unix socket there. */
export class PostgresqlServer {
  readonly folder: string;
  readonly #port: number;
  readonly #children: ChildProcess[] = [];
  readonly #settings: readonly string[];

  /** `settings`: of the configuration file, such as `listen_addresses=127.0.0.1`, without which it has no TCP port. */
  static async start(port: number, settings: readonly string[] = []): Promise<PostgresqlServer> {
    const folder = mkdtempSync(join(tmpdir(), 'rm-pg-'));
    if (nobody.uid !== undefined) chownSync(folder, nobody.uid, nobody.gid);
    const server = new PostgresqlServer(folder, port, settings);
    const how = [
      '-D',
      server.#data,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ];
    await run(program('initdb'), how, { ...nobody, cwd: folder });
    await server.resume();
    return server;
  }

  private constructor(folder: string, port: number, settings: readonly string[]) {
    this.folder = folder;
    this.#port = port;
    this.#settings = settings;
  }

  /** For `PostgresqlStore`. */
  url(port: number | string = this.#port): string {
    return `postgresql://postgres@${encodeURIComponent(this.folder)}:${port}/postgres`;
  }

  /** Runs SQL as the administrator of the database; returns the first value of each row of the last statement. */
  sql(text: string): Promise<string[]> {
    return this.sqlIn('postgres', text);
  }

  /** The same in another database. */
  async sqlIn(database: string, text: string): Promise<string[]> {
    const client = new pg.Client({
      host: this.folder,
      port: this.#port,
      user: 'postgres',
      database,
      ssl: false,
    });
    await client.connect();
    try {
      const answers = await client.query({ text, rowMode: 'array' });
      const last = [answers].flat().at(-1);
      return (last?.rows ?? []).map(([value]: unknown[]) => String(value));
    } finally {
      await client.end();
    }
  }

  /** Ends it as a crash does: what was acknowledged is there later. */
  async crash(): Promise<void> {
    await run(program('pg_ctl'), ['-D', this.#data, '-m', 'immediate', '-w', '-t', '240', 'stop'], {
      ...nobody,
      cwd: this.folder,
    });
  }

  /** Resolves once it takes connections. */
  async resume(): Promise<void> {
    // The tests see processes die, not machines.
    const settings = ['fsync=off', 'full_page_writes=off', 'shared_buffers=16MB', ...this.#settings];
    const options = [
      `-k ${this.folder}`,
      `-p ${this.#port}`,
      '-c listen_addresses=',
      ...settings.map((setting) => `-c ${setting}`),
    ].join(' ');
    const log = join(this.folder, 'log');
    const args = ['-D', this.#data, '-l', log, '-w', '-t', '240', '-o', options, 'start'];
    // It keeps no pipe of ours open.
    const starting = spawn(program('pg_ctl'), args, { ...nobody, cwd: this.folder, stdio: 'ignore' });
    const [status] = await once(starting, 'exit');
    if (status !== 0) throw new Error(`PostgreSQL does not start, see ${log}`);
  }

  /** A replica of it, for which each of its commits waits from now on. */
  async synchronousReplica(): Promise<PostgresqlServer> {
    const folder = mkdtempSync(join(tmpdir(), 'rm-pg-'));
    if (nobody.uid !== undefined) chownSync(folder, nobody.uid, nobody.gid);
    const replica = new PostgresqlServer(folder, this.#port, this.#settings);
    const from = ['-h', this.folder, '-p', String(this.#port), '-U', 'postgres'];
    const how = ['-D', replica.#data, '--write-recovery-conf', '--checkpoint=fast', '--no-sync'];
    await run(program('pg_basebackup'), [...from, ...how], { ...nobody, cwd: folder });
    await replica.resume();
    // Later than the copy: nobody replicates the replica.
    await this.sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
    await this.sql('SELECT pg_reload_conf()');
    return replica;
  }

  /** Makes the replica one that takes changes. */
  async promote(): Promise<void> {
    await run(program('pg_ctl'), ['-D', this.#data, '-w', '-t', '240', 'promote'], {
      ...nobody,
      cwd: this.folder,
    });
  }

  /** Path of its Unix socket. */
  get socket(): string {
    return join(this.folder, `.s.PGSQL.${this.#port}`);
  }

  /** Starts pgbouncer in transaction mode in front of it, at a Unix socket in the same folder. */
  async pooler(port: number): Promise<() => Promise<void>> {
    const file = join(this.folder, `pgbouncer-${port}.ini`);
    writeFileSync(
      file,
      `[databases]\npostgres = host=${this.folder} port=${this.#port} user=postgres\n[pgbouncer]\nlisten_addr =\nlisten_port = ${port}
unix_socket_dir = ${this.folder}\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 4\nserver_login_retry = 1
logfile =\n`,
      { mode: 0o644 },
    );
    const child = spawn('/usr/sbin/pgbouncer', [file], {
      ...nobody,
      cwd: this.folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#children.push(child);
    const exited = once(child, 'exit');
    let told = '';
    for await (const part of child.stderr ?? []) {
      told += part;
      if (told.includes('process up')) break;
    }
    if (!told.includes('process up')) throw new Error(`pgbouncer does not start: ${told}`);
    return async () => {
      child.kill('SIGKILL');
      await exited;
      rmSync(join(this.folder, `.s.PGSQL.${port}`), { force: true });
    };
  }

  async end(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    if (existsSync(join(this.#data, 'postmaster.pid'))) await this.crash();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.folder, 'data');
  }
}

/** Of the newest version that is installed. */
function program(name: string): string {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root)
    ? readdirSync(root)
        .map(Number)
        .sort((a, b) => b - a)
    : [];
  return `${root}/${versions[0] ?? 'none'}/bin/${name}`;
}
