import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { root } from '../checkout.ts';
import { RemoteSystem } from '../system/remote-system.ts';

/** `rm-client` at a terminal, as `script` of util-linux makes one: what a person sees there. */

let system: RemoteSystem;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rm-terminal-'));
  system = await RemoteSystem.start({ services: [], agent: null });
});
afterAll(async () => {
  await system?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** A terminal on which `rm-client login` runs, and then `stty`; everything that it shows is in `shown`. */
class Terminal {
  shown = '';
  /** `script` has ended. */
  readonly ended: Promise<unknown>;
  readonly #child;

  constructor() {
    const rmClient = `'${process.execPath}' '${join(root, 'client/dist/main.js')}' login --reflector http://localhost:${system.port}`;
    this.#child = spawn('script', ['-qec', `${rmClient}; echo "status $?"; stty -a`, '/dev/null'], {
      env: { ...process.env, XDG_CONFIG_HOME: directory, RM_USER: '', RM_PASSWORD: '', TERM: 'dumb' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.ended = once(this.#child, 'close');
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.shown += text;
    });
  }

  async shows(text: RegExp): Promise<void> {
    await vi
      .waitUntil(() => text.test(this.shown), { timeout: 120_000 })
      .catch(() => {
        throw new Error(`no ${text} in ${JSON.stringify(this.shown)}`);
      });
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Types what is not to be shown, and waits until the program has read it: only its counter of bytes tells. */
  async typeUnseen(text: string): Promise<void> {
    const before = bytesRead();
    this.type(text);
    await vi.waitUntil(() => bytesRead() > before, { timeout: 120_000 });
  }
}

/** Bytes that the `rm-client` of the terminal has read so far, from whatever: proc(5). */
function bytesRead(): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const isIt =
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`${process.execPath}\0`) &&
        readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`XDG_CONFIG_HOME=${directory}\0`);
      if (isIt) return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error('rm-client does not run');
}

test('a name that is typed in is shown, a password is not; then the terminal is as it was', async () => {
  const terminal = new Terminal();
  await terminal.shows(/User: $/);
  terminal.type(`${system.user}x\x7f`);
  await terminal.shows(/User: operatorx\u0008 \u0008$/);
  terminal.type('\r');
  await terminal.shows(/Password of operator: $/);
  await terminal.typeUnseen(`${system.password}?`);
  await terminal.typeUnseen('\x7f');
  terminal.type('\r');
  await terminal.shows(/^status 0[\s\S]*\becho\b/m);
  await terminal.ended;
  const between = /Password of operator: ([^\r\n]*)/.exec(terminal.shown)?.[1];
  expect(between).toBe('');
  expect(terminal.shown).not.toContain(system.password);
  expect(terminal.shown).toMatch(/ icanon\b/);
  expect(terminal.shown).toMatch(/ echo\b/);
  const file = readFileSync(join(directory, 'rm-client/login.json'), 'utf8');
  expect(file).not.toContain(system.password);
});

test('Ctrl-C at the question ends it, and leaves the terminal as it was', async () => {
  const terminal = new Terminal();
  await terminal.shows(/User: $/);
  terminal.type('abc\x03');
  await terminal.shows(/^rm-client: interrupted\r\n[\s\S]*^status [1-9]\d*\r[\s\S]* echo\b/m);
  await terminal.ended;
  expect(terminal.shown).toMatch(/ icanon\b/);
});
