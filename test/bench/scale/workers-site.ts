import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { selfSigned } from '../../certificates/self-signed.ts';
import { root } from '../../checkout.ts';
import { reservedPort } from '../../system/loopback-port.ts';
import { cpuSeconds, memory } from '../../system/process-figures.ts';
import { addAccounts } from '../reflector/accounts.ts';
import type { FleetFacts } from '../reflector/light-device.ts';
import { Database, type Written } from './database.ts';

const run = promisify(execFile);
const program = join(root, 'server/dist/main.js');

/** `rm-server --workers N` with TLS on a PostgreSQL database, with accounts for a fleet and its users. */
export class WorkersSite {
  readonly facts: FleetFacts;
  readonly #folder: string;
  readonly #database: Database;
  readonly #metrics: readonly number[];
  /** Of each process: workers do not get equal shares. */
  readonly #descriptors: number;
  #process: ChildProcess | null = null;
  #workers: readonly number[] = [];

  private constructor(
    folder: string,
    database: Database,
    facts: FleetFacts,
    metrics: readonly number[],
    descriptors: number,
  ) {
    this.#folder = folder;
    this.#database = database;
    this.facts = facts;
    this.#metrics = metrics;
    this.#descriptors = descriptors;
  }

  static async open(options: {
    readonly devices: number;
    readonly users: number;
    readonly workers: number;
  }): Promise<WorkersSite> {
    const { devices, workers } = options;
    const folder = mkdtempSync(join(tmpdir(), 'rm-bench-scale-'));
    const database = await Database.start();
    const data = join(folder, 'server.sqlite');
    const config = join(folder, 'rm-server.json');
    const certificate = selfSigned(folder, 'localhost');
    const port = await reservedPort();
    const metrics = await freeInARow(workers);
    const content = {
      listen: `127.0.0.1:${port}`,
      data,
      tlsCert: certificate.cert,
      tlsKey: certificate.key,
      logLevel: 'error',
      metrics: { listen: `127.0.0.1:${metrics[0]}` },
      // Connections go to the worker that is ready first, so one may get many more than another.
      tunnels: devices + 100,
    };
    // The server makes its tables in the file, which then moves.
    writeFileSync(config, JSON.stringify(content), { mode: 0o600 });
    const first = spawn(process.execPath, [program, '--config', config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(first.stdout, 'data');
    first.kill();
    await once(first, 'exit');
    const { domain, password } = await addAccounts(data, options);
    await run(process.execPath, [program, 'migrate', '--from', data, '--to', database.url]);
    const several = { ...content, data: join(folder, 'moved.sqlite'), workers, store: { url: database.url } };
    writeFileSync(config, JSON.stringify(several), { mode: 0o600 });
    const facts = { port, tls: true, domain, password };
    const site = new WorkersSite(
      folder,
      database,
      facts,
      metrics,
      Math.ceil((devices / workers) * 1.4) + 2_000,
    );
    try {
      await site.start();
    } catch (error) {
      await site.close();
      throw error;
    }
    return site;
  }

  get pids(): readonly number[] {
    return [this.#process?.pid ?? 0, ...this.#workers];
  }

  /** What all processes of the server have written themselves, KiB. */
  get private(): number {
    return this.pids.reduce((sum, pid) => sum + memory(pid).private, 0);
  }

  /** CPU seconds of all processes of the server. */
  get cpu(): number {
    return this.pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  }

  written(): Promise<Written> {
    return this.#database.written();
  }

  /** 99th percentile of the delay of the event loop of each worker since the last call, ms. */
  loopDelays(): Promise<readonly number[]> {
    return Promise.all(
      this.#metrics.map(async (port) => {
        const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
        const seconds = /^nodejs_eventloop_lag_p99_seconds (\S+)/m.exec(await answer.text())?.[1];
        return Number(seconds) * 1000;
      }),
    );
  }

  async start(): Promise<void> {
    // Each process opens a descriptor for each device; the supervisor has those that wait for a worker.
    const needed = this.#descriptors;
    const raised = `[ "$(ulimit -n)" -ge ${needed} ] || ulimit -n ${needed} || exit; exec "$0" "$@"`;
    const config = join(this.#folder, 'rm-server.json');
    this.#process = spawn('sh', ['-c', raised, process.execPath, program, '--config', config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let serves = false;
    for await (const line of createInterface(this.#process.stdout as NodeJS.ReadableStream)) {
      serves = line.endsWith('workers serve');
      if (serves) break;
    }
    if (!serves)
      throw new Error(
        `rm-server does not serve; each process of it needs ${needed} descriptors (ulimit -Hn)`,
      );
    this.#process.stdout?.resume();
    this.#workers = childrenOf(this.#process.pid ?? 0);
  }

  /** The end of all processes at once, which have no time to say good-bye. */
  async kill(): Promise<void> {
    const running = this.#process;
    if (!running) return;
    const ended = once(running, 'exit');
    for (const pid of this.pids) process.kill(pid, 'SIGKILL');
    this.#process = null;
    this.#workers = [];
    await ended;
  }

  async close(): Promise<void> {
    await this.kill();
    await this.#database.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(/\s+/).map(Number);
}

/** Free ports one after the other, below those that the kernel gives to connections: none takes one while the server is down. */
async function freeInARow(count: number): Promise<readonly number[]> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return ports;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listens = once(server, 'listening').then(
    () => true,
    () => false,
  );
  server.listen(port, '127.0.0.1');
  const free = await listens;
  server.close();
  return free;
}
