import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../checkout.ts';
import { endProcess } from '../system/end-process.ts';

/** What a program printed to standard output; an error with all that it printed if it failed. */
export async function output(command: string, ...args: readonly string[]): Promise<string> {
  // systemctl gives systemd 25 s for an answer, which a machine that is busy with much else may need.
  const env = { ...process.env, SYSTEMD_BUS_TIMEOUT: '600' };
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  let all = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
    all += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    all += text;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${all}`);
  return printed;
}

/** A fresh Debian whose systemd runs as PID 1 in namespaces of its own. */
export class DebianRoot {
  readonly #work: string;
  readonly #process: ChildProcess;
  readonly #pid: string;

  private constructor(work: string, process: ChildProcess, pid: string) {
    this.#work = work;
    this.#process = process;
    this.#pid = pid;
  }

  /** `network`: that of this machine, or one of its own where every port is free, with an Ethernet interface that leads nowhere. */
  static async start({
    network = 'shared',
  }: {
    readonly network?: 'shared' | 'own';
  } = {}): Promise<DebianRoot> {
    const lower = (await output(process.execPath, 'toolchain/debian-root/debian-root.mjs')).trim();
    const work = mkdtempSync(join(tmpdir(), 'rm-debian-'));
    const boot = join(root, 'toolchain/debian-root/boot.sh');
    const namespaces = ['--pid', '--mount', '--uts', '--ipc', '--fork', '--kill-child'];
    if (network === 'own') namespaces.push('--net');
    const child = spawn('unshare', [...namespaces, 'sh', boot, lower, work], { stdio: 'inherit' });
    const children = `/proc/${child.pid}/task/${child.pid}/children`;
    let pid = '';
    while (pid === '' && child.exitCode === null && child.signalCode === null) {
      pid = readFileSync(children, 'utf8').trim();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const system = new DebianRoot(work, child, pid);
    while (!(await system.#isRunning())) await new Promise((resolve) => setTimeout(resolve, 200));
    if (network === 'own') {
      const link = ['ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1'];
      await output('nsenter', '--target', pid, '--net', '--', ...link);
    }
    return system;
  }

  async #isRunning(): Promise<boolean> {
    if (this.#process.exitCode !== null) throw new Error('systemd ended');
    const told = await this.run('systemctl', 'is-system-running').catch((error: Error) => error.message);
    // An error names the command, which has `running` in it, too.
    return /^(running|degraded)$/m.test(told);
  }

  /** Runs a program inside. */
  run(command: string, ...args: readonly string[]): Promise<string> {
    return output('nsenter', '--target', this.#pid, '--all', '--', command, ...args);
  }

  /** Runs a program inside, but on the network of this machine. */
  runOnline(command: string, ...args: readonly string[]): Promise<string> {
    const namespaces = ['--pid', '--mount', '--uts', '--ipc', '--root', '--wd'];
    return output('nsenter', '--target', this.#pid, ...namespaces, '--', command, ...args);
  }

  /** Starts a program of this machine, on the network inside. */
  spawnOnItsNetwork(command: string, ...args: readonly string[]): ChildProcess {
    const inside = ['--target', this.#pid, '--net', '--', command, ...args];
    return spawn('nsenter', inside, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  }

  write(path: string, content: string | Buffer, mode = 0o644): void {
    const file = join('/proc', this.#pid, 'root', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode });
  }

  async stop(): Promise<void> {
    await endProcess(this.#process, 'SIGKILL');
    rmSync(this.#work, { recursive: true, force: true, maxRetries: 10 });
  }
}
