import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashPassword, SqliteStore } from 'rm-reflector';
import { root } from '../../checkout.ts';
import { reservedPort } from '../../system/loopback-port.ts';
import { cpuSeconds } from '../../system/process-figures.ts';
import { userPassword } from '../reflector/accounts.ts';

export const password = userPassword;

/** An rm-server as a process of its own, with the users `everything` (administrator) and `restricted`. */
export class ServerSite {
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #url: string;
  readonly port: number;

  private constructor(folder: string, process: ChildProcess, port: number) {
    this.#folder = folder;
    this.#process = process;
    this.port = port;
    this.#url = `http://127.0.0.1:${port}/my-devices/api`;
  }

  /** `fill` writes to the data file, in which the server has made its tables; `settings` are of its configuration file. */
  static async open(
    fill: (path: string) => Promise<void>,
    settings: Readonly<Record<string, unknown>> = {},
  ): Promise<ServerSite> {
    const folder = mkdtempSync(join(tmpdir(), 'rm-bench-server-'));
    const path = join(folder, 'server.sqlite');
    const port = await reservedPort();
    const config = join(folder, 'rm-server.json');
    writeFileSync(config, JSON.stringify(settings), { mode: 0o600 });
    const start = async () => {
      const args = ['serve', '--config', config, '--data', path, '--listen', `127.0.0.1:${port}`];
      const started = spawn(process.execPath, [join(root, 'server/dist/main.js'), ...args], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      // Whatever it says later is read and thrown away.
      for await (const line of createInterface(started.stderr)) if (line.includes('"listening"')) break;
      started.stderr.resume();
      return started;
    };
    const first = await start();
    first.kill();
    await once(first, 'exit');
    const store = SqliteStore.open(path);
    const hash = await hashPassword(password);
    await store.users.add('everything', hash, Date.now(), 'administrator');
    await store.users.add('restricted', hash, Date.now(), 'user');
    await store.close();
    await fill(path);
    return new ServerSite(folder, await start(), port);
  }

  async token(username: string): Promise<string> {
    const body = new URLSearchParams({ username, password });
    const answer = await fetch(`${this.#url}/token`, { method: 'POST', body });
    return ((await answer.json()) as { token: string }).token;
  }

  /** What a call answers. Rejects with {@link TooManyCalls} where the server asks to wait. */
  async get(path: string, token: string): Promise<unknown> {
    const answer = await fetch(`${this.#url}${path}`, { headers: { Authorization: `Bearer ${token}` } });
    if (answer.ok) return answer.json();
    if (answer.status !== 429) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`);
    throw new TooManyCalls(Number(answer.headers.get('retry-after') ?? 1));
  }

  /** CPU time of the server so far, in ms and with a resolution of 10. Other processes make no call cost more of it. */
  cpu(): number {
    return 1_000 * cpuSeconds(this.#process.pid ?? 0);
  }

  async close(): Promise<void> {
    this.#process.kill();
    await once(this.#process, 'exit');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The caller has to wait. */
class TooManyCalls extends Error {
  override readonly name = 'TooManyCalls';
  readonly seconds: number;

  constructor(seconds: number) {
    super(`too many calls: wait ${seconds} s`);
    this.seconds = seconds;
  }
}

/** Runs a call, and again after the wait that the server asks for; `ms`: what the answered one took. */
export async function timedCall<Value>(
  call: () => Promise<Value>,
): Promise<{ readonly value: Value; readonly ms: number }> {
  for (;;) {
    const begun = performance.now();
    try {
      const value = await call();
      return { value, ms: performance.now() - begun };
    } catch (error) {
      if (!(error instanceof TooManyCalls)) throw error;
      await sleep(1_000 * error.seconds);
    }
  }
}
