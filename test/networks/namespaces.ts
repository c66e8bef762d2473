import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { gone } from '../system/end-process.ts';

const execute = promisify(execFile);

/**
 * Network namespaces of our own, each a machine. They are inside one namespace more, whose only process is ours, so that all of it is gone with
 * that process. Nothing in it reaches the networks of this machine.
 */
export class Namespaces<Place extends string> {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async build<Place extends string>(places: readonly Place[]): Promise<Namespaces<Place>> {
    const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
    const script = 'mount -t tmpfs none /run && mkdir /run/netns && echo ready && exec cat';
    const holder = spawn('unshare', [...user, '--mount', '--net', 'sh', '-c', script], {
      // It ends when this process does, whatever way that goes.
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let errors = '';
    holder.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const ready = await Promise.race([
      once(holder.stdout, 'data').then(() => true),
      once(holder, 'close').then(() => false),
    ]);
    if (!ready) throw new Error(`network namespaces cannot be made here: ${errors.trim()}`);
    const namespaces = new Namespaces<Place>(holder);
    await namespaces.runAside(places.map((place) => `ip netns add ${place}`).join('\n'));
    return namespaces;
  }

  /** Words to put before a command that is to run in this place. */
  in(place: Place): readonly string[] {
    return [...this.#enter(), 'ip', 'netns', 'exec', place];
  }

  /** Runs a line of shell in this place; throws with what it said when it fails. */
  sh(place: Place, line: string): void {
    this.run(['ip', 'netns', 'exec', place, 'sh', '-e', '-c', line]);
  }

  /** Runs a command beside the places; throws with what it said when it fails. */
  run(command: readonly string[]): void {
    const [program = '', ...args] = [...this.#enter(), ...command];
    const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command.join(' ')}: ${error?.message ?? stderr.trim()}`);
  }

  /** Runs lines of shell beside the places, while this process goes on: what is built beside others does not wait for them. */
  async runAside(lines: string): Promise<void> {
    const [program = '', ...args] = [...this.#enter(), 'sh', '-e', '-c', lines];
    await execute(program, args);
  }

  async destroy(): Promise<void> {
    this.#holder.stdin?.end();
    await gone(this.#holder);
  }

  #enter(): readonly string[] {
    const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
    const target = ['--target', String(this.#holder.pid), `--wd=${process.cwd()}`];
    return ['nsenter', ...target, ...user, '--mount', '--net', '--'];
  }
}
