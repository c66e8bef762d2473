import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endProcess } from '../system/end-process.ts';
import { listening } from '../system/listening.ts';

export const login = { user: 'pump-7', password: 'open: s3same@proxy' } as const;

/** A proxy of Debian's in the foreground, with files of its own. */
export class ProxyProcess {
  readonly directory = mkdtempSync(join(tmpdir(), 'rm-proxy-'));
  /** What it has written. */
  output = '';
  #child: ChildProcess | null = null;

  /** A file that the proxy may read, even when it has given up being root. */
  file(name: string, content: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  }

  /** Hands directory and files over to the user that the proxy will be, when we are root. */
  belongsTo(user: string): void {
    if (process.getuid?.() !== 0) return;
    const { status, stderr } = spawnSync('chown', ['-R', `${user}:`, this.directory], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  }

  /** Starts it; returns when something listens on this port. */
  async start(port: number, command: string, args: readonly string[]): Promise<void> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.#child = child;
    await listening(port, child, () => this.output);
  }

  /** Has it read its configuration again. */
  reload(): void {
    this.#child?.kill('SIGHUP');
  }

  /** Ends the program, and keeps its files. */
  async end(): Promise<void> {
    if (this.#child) await endProcess(this.#child);
  }

  async stop(): Promise<void> {
    await this.end();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
