import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  deviceSecrets,
  Fingerprints,
  generatePassword,
  hashPassword,
  Installation,
  SqliteStore,
} from 'rm-reflector';
import { selfSigned } from '../../certificates/self-signed.ts';
import { root } from '../../checkout.ts';
import { reservedPort } from '../../system/loopback-port.ts';
import { type Memory, memory } from '../../system/process-figures.ts';
import { deviceName, type FleetFacts } from './light-device.ts';

export interface SiteOptions {
  readonly devices: number;
  readonly users: number;
  readonly tls: boolean;
}

export const userPassword = 'a pass phrase of the bench';

export function userName(index: number): string {
  return `user-${index}`;
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
    const store = SqliteStore.open(join(folder, 'reflector.sqlite'));
    const installation = new Installation(store);
    const domain = await installation.domain();
    const password = generatePassword();
    // One password and hash for all: to make the hashes is what "device add" takes its time for.
    const secrets = await deviceSecrets(deviceName(0), domain, password, false);
    const fingerprints = new Fingerprints(store.devices, await installation.fingerprintKey());
    for (let i = 0; i < devices; i++) {
      const id = deviceName(i);
      await store.devices.add({ id, domain, secrets }, Date.now(), null);
      // As "device add" does it with a password that it has made.
      await fingerprints.remember({ id, password: secrets.password, fingerprint: null }, password, true);
    }
    const hash = await hashPassword(userPassword);
    for (let i = 0; i < users; i++) await store.users.add(userName(i), hash, Date.now(), 'administrator');
    await store.close();
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

  get memory(): Memory {
    return memory(this.pid);
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
