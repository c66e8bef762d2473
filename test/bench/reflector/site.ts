import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selfSigned } from '../../certificates/self-signed.ts';
import { root } from '../../checkout.ts';
import { reservedPort } from '../../system/loopback-port.ts';
import { memory } from '../../system/process-figures.ts';
import { addAccounts } from './accounts.ts';
import type { FleetFacts } from './light-device.ts';

export interface SiteOptions {
  readonly devices: number;
  readonly users: number;
  readonly tls: boolean;
}

/** A reflector as a process of its own, with accounts for a fleet and its users, that can be restarted. */
export class Site {
  readonly facts: FleetFacts;
  readonly #folder: string;
  readonly #tls: readonly string[];
  #process: ChildProcess | null = null;

  private constructor(folder: string, tls: readonly string[], facts: FleetFacts) {
    this.#folder = folder;
    this.#tls = tls;
    this.facts = facts;
  }

  static async open({ devices, users, tls }: SiteOptions): Promise<Site> {
    const folder = mkdtempSync(join(tmpdir(), 'rm-bench-reflector-'));
    const { domain, password } = await addAccounts(join(folder, 'reflector.sqlite'), { devices, users });
    const certificate = tls ? selfSigned(folder, 'localhost') : null;
    const files = certificate ? ['--tls-cert', certificate.cert, '--tls-key', certificate.key] : [];
    const site = new Site(folder, files, { port: await reservedPort(), tls, domain, password });
    await site.start();
    return site;
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('the reflector does not run');
    return pid;
  }

  /** What it has written itself, KiB. */
  get private(): number {
    return memory(this.pid).private;
  }

  /** Descriptors that the reflector has open. */
  get descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  async start(): Promise<void> {
    const program = join(root, 'reflector-minimal/dist/main.js');
    const listen = `127.0.0.1:${this.facts.port}`;
    const args = ['serve', '--listen', listen, '--data', join(this.#folder, 'reflector.sqlite')];
    this.#process = spawn(process.execPath, [program, ...args, ...this.#tls, '--log-level', 'error'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(this.#process.stdout as NodeJS.ReadableStream, 'data');
  }

  /** The end of a process that had no time to say good-bye. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const running = this.#process;
    this.#process = null;
    if (!running || running.exitCode !== null) return;
    running.kill(signal);
    await once(running, 'exit');
  }

  async close(): Promise<void> {
    await this.kill('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
