import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../checkout.ts';
import type { RemoteSystem } from './remote-system.ts';

const program = join(root, 'client/dist/main.js');

export interface Outcome {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

/** `rm-client` of a user who has logged in at the reflector, with a configuration directory of its own. */
export class RmClient {
  readonly environment: NodeJS.ProcessEnv;
  /** The name under which scripts find it: `<command> connect DEVICE:PORT`. */
  readonly command: string;
  readonly #directory: string;

  private constructor(directory: string, environment: NodeJS.ProcessEnv) {
    this.#directory = directory;
    this.environment = environment;
    this.command = join(directory, 'rm-client.sh');
    writeFileSync(this.command, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, { mode: 0o755 });
  }

  /** Logs in with the password, and goes on with the token. */
  static async logIn(system: Pick<RemoteSystem, 'port' | 'user' | 'password'>): Promise<RmClient> {
    const directory = mkdtempSync(join(tmpdir(), 'rm-client-'));
    const client = new RmClient(directory, { ...process.env, XDG_CONFIG_HOME: directory });
    const { status, errors } = await run(client.command, ['login'], {
      env: {
        ...client.environment,
        RM_REFLECTOR: `http://localhost:${system.port}`,
        RM_USER: system.user,
        RM_PASSWORD: system.password,
      },
    });
    if (status !== 0) throw new Error(`rm-client login: ${errors}`);
    return client;
  }

  run(args: readonly string[], options: SpawnOptions = {}): Promise<Outcome> {
    return run(this.command, args, { env: this.environment, ...options });
  }

  start(args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    return spawn(this.command, args, { env: this.environment, ...options });
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Runs a program to its end, with empty standard input. */
export async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Outcome> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, output, errors };
}
