import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root as checkout } from '../checkout.ts';

/** Whether this machine lets the tests boot systems in namespaces. */
export const canBoot = process.getuid?.() === 0;

/** Asks until it is so, or the test's own time is over. */
export async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 200));
}

/** A root file system that is in memory, with an init system as PID 1 that starts the x86-64 agent. */
export class BootedSystem {
  readonly #folder = mkdtempSync(join(tmpdir(), 'rm-boot-'));
  readonly #unshare: ChildProcess;
  #init = 0;

  /**
   * `files` are added to the init files, by their paths below the root. SysV init comes out of `packages`, a folder;
   * what else its system has is BusyBox's.
   */
  constructor(
    kind: 'systemd' | 'busybox' | 'sysv',
    files: Readonly<Record<string, string>>,
    { readOnly = false, packages }: { readonly readOnly?: boolean; readonly packages?: string } = {},
  ) {
    const root = join(this.#folder, 'root');
    mkdirSync(root);
    if (packages !== undefined) symlinkSync(packages, `${root}.packages`);
    mkdirSync(`${root}.files`);
    const unpack = join(checkout, 'toolchain/init/unpack.mjs');
    execFileSync(process.execPath, [unpack, kind, `${root}.files`]);
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(join(`${root}.files`, dirname(name)), { recursive: true });
      writeFileSync(join(`${root}.files`, name), content, { mode: 0o600 });
    }
    mkdirSync(join(`${root}.files`, 'usr/bin'), { recursive: true });
    execFileSync('cp', [join(checkout, 'dist/x86_64/rm-agent'), join(`${root}.files`, 'usr/bin/rm-agent')]);
    const script = join(checkout, `test/system/boot-${kind === 'systemd' ? kind : 'busybox'}.sh`);
    const words = ['-mpfCui', '--kill-child', 'sh', script, root, ...(readOnly ? ['ro'] : [])];
    this.#unshare = spawn('unshare', words, { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  /** What a shell in the system prints, with its status. */
  run(command: string): { status: number | null; output: string } {
    const children = `/proc/${this.#unshare.pid}/task/${this.#unshare.pid}/children`;
    this.#init ||= Number(readFileSync(children, 'utf8').trim());
    const enter = ['-t', String(this.#init), '-m', '-p', '-C', '-u', '-i', 'sh', '-c', command];
    // systemctl gives systemd 25 s for an answer, which a machine that is busy with much else may need.
    const env = { ...process.env, SYSTEMD_BUS_TIMEOUT: '600' };
    const { status, stdout, stderr } = spawnSync('nsenter', enter, { encoding: 'utf8', env });
    return { status, output: `${stdout}${stderr}` };
  }

  /** Until a command prints what matches. */
  async prints(command: string, pattern: RegExp): Promise<string> {
    let output = '';
    await until(() => {
      output = this.run(command).output;
      return pattern.test(output);
    });
    return output;
  }

  end(): void {
    // It ignores SIGTERM; with it, all processes of the system end.
    this.#unshare.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
