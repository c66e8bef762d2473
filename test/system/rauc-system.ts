import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { root as checkout } from '../checkout.ts';
import { until } from './booted-system.ts';
import { endProcess } from './end-process.ts';

const files = join(checkout, 'test/system/rauc');
const compatible = 'rm-agent-test';
const slotBytes = 64 << 20;
const dataBytes = 96 << 20;
/** Options of mksquashfs: to compress takes longer than everything else here. */
const uncompressed = ['-noI', '-noD', '-noF', '-noX'];
/** Of the user `rm-agent`. */
const agentUser = 999;

/** Where each of them goes in the root file system. */
const places = {
  'boot-state': 'etc/rauc/boot-state',
  'dbus.conf': 'etc/dbus.conf',
  inittab: 'etc/inittab',
  install: 'www/cgi-bin/install',
  'mark-good': 'usr/lib/mark-good',
  rcS: 'etc/init.d/rcS',
  service: 'etc/rauc/service',
  'system.conf': 'etc/rauc/system.conf',
};

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface RaucOptions {
  /** An empty one, for images and file systems. */
  readonly folder: string;
  readonly configuration: Readonly<Record<string, unknown>>;
  /** What the device knows itself by; kept on the data partition. */
  readonly password: string;
  /** Of the device's web server, on the loopback interface. */
  readonly webPort: number;
  /** PEM file of the authority that signs bundles. */
  readonly keyring: string;
}

/**
 * A device with two root file systems, RAUC, and a data partition: the x86-64 agent in namespaces, its disks are files.
 */
export class RaucSystem {
  readonly #options: RaucOptions;
  #machine: ChildProcess | null = null;

  constructor(options: RaucOptions) {
    this.#options = options;
    const { folder } = options;
    for (const name of ['root', 'data.files/boot', 'data.files/rm-agent'])
      mkdirSync(join(folder, name), { recursive: true });
    const boot = { order: 'a b', 'a.left': '3', 'b.left': '0' };
    for (const [name, content] of Object.entries(boot))
      writeFileSync(join(folder, 'data.files/boot', name), `${content}\n`);
    writeFileSync(join(folder, 'data.files/rm-agent/secret'), `${options.password}\n`, { mode: 0o600 });
    execFileSync('/sbin/mke2fs', [
      '-q',
      '-t',
      'ext4',
      '-d',
      join(folder, 'data.files'),
      join(folder, 'data'),
      `${dataBytes >> 10}k`,
    ]);
    this.writeRoot('1', join(folder, 'a'));
    copyFileSync(join(folder, 'a'), join(folder, 'b'));
    for (const slot of ['a', 'b']) truncateSync(join(folder, slot), slotBytes);
  }

  /** Writes a version of the root file system. */
  writeRoot(version: string, image: string, more: Readonly<Record<string, string>> = {}): void {
    const tree = `${image}.files`;
    const put = (path: string, content: string | Buffer, mode = 0o755) => {
      mkdirSync(join(tree, dirname(path)), { recursive: true });
      writeFileSync(join(tree, path), content);
      chmodSync(join(tree, path), mode);
    };
    for (const name of [
      'bin',
      'sbin',
      'dev',
      'proc',
      'sys',
      'run',
      'var',
      'data',
      'mnt',
      'slot',
      'lib',
      'lib64',
      'usr/bin',
      'usr/lib',
      'etc',
    ])
      mkdirSync(join(tree, name), { recursive: true });
    for (const program of ['busybox', 'rauc', 'dbus-daemon']) {
      const path = execFileSync('which', [program], { encoding: 'utf8' }).trim();
      put(program === 'busybox' ? 'bin/busybox' : `usr/bin/${program}`, readFileSync(path));
      for (const library of spawnSync('ldd', [path], { encoding: 'utf8' }).stdout.match(/\/\S+/g) ?? [])
        if (library !== `${path}:`) put(library.slice(1), readFileSync(library));
    }
    for (const applet of execFileSync('busybox', ['--list'], { encoding: 'utf8' }).split('\n'))
      if (applet !== 'busybox' && applet !== '') symlinkSync('/bin/busybox', join(tree, 'bin', applet));
    symlinkSync('/bin/busybox', join(tree, 'sbin/init'));
    symlinkSync('var/tmp', join(tree, 'tmp'));
    execFileSync(process.execPath, [join(checkout, 'toolchain/init/unpack.mjs'), 'busybox', tree]);
    for (const [name, path] of Object.entries(places)) put(path, readFileSync(join(files, name)));
    put('etc/init.d/httpd', `#!/bin/sh\nexec httpd -f -p 127.0.0.1:${this.#options.webPort} -h /www\n`);
    put(
      'etc/passwd',
      `root:x:0:0:root:/:/bin/sh\nrm-agent:*:${agentUser}:${agentUser}::/:/bin/false\n`,
      0o644,
    );
    put('etc/group', `root:x:0:\nrm-agent:x:${agentUser}:\n`, 0o644);
    put('etc/rauc/keyring.pem', readFileSync(this.#options.keyring), 0o644);
    put('etc/rm-agent.json', JSON.stringify(this.#options.configuration), 0o600);
    put('usr/bin/rm-agent', readFileSync(join(checkout, 'dist/x86_64/rm-agent')));
    put('www/version', version, 0o644);
    for (const [path, content] of Object.entries(more)) put(path, content);
    rmSync(image, { force: true });
    const owner = `/etc/rm-agent.json m 600 ${agentUser} ${agentUser}`;
    const options = ['-quiet', '-no-progress', ...uncompressed, '-p', owner];
    execFileSync('mksquashfs', [tree, image, ...options], { stdio: 'ignore' });
    rmSync(tree, { recursive: true });
  }

  /** Makes a bundle of a version, signed. */
  bundle(version: string, signer: Certificate, more: Readonly<Record<string, string>> = {}): Buffer {
    const { folder } = this.#options;
    const content = join(folder, 'bundle');
    mkdirSync(content);
    this.writeRoot(version, join(content, 'rootfs.img'), more);
    const manifest = `[update]\ncompatible=${compatible}\nversion=${version}\n[bundle]\nformat=plain\n[image.rootfs]\nfilename=rootfs.img\n`;
    writeFileSync(join(content, 'manifest.raucm'), manifest);
    const output = join(folder, 'bundle.raucb');
    const keys = [`--cert=${signer.certFile}`, `--key=${signer.keyFile}`];
    const options = [...keys, `--mksquashfs-args=${uncompressed.join(' ')}`];
    execFileSync('rauc', ['bundle', ...options, content, output], { stdio: 'ignore' });
    const bundle = readFileSync(output);
    rmSync(content, { recursive: true });
    rmSync(output);
    return bundle;
  }

  /** Switches the device on. */
  start(): void {
    const script = join(checkout, 'test/system/boot-slots.sh');
    this.#machine = spawn('unshare', ['-mpfCui', '--kill-child', 'sh', script, this.#options.folder], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  /** What a shell in the device prints, with its status. */
  run(command: string): { status: number | null; output: string } {
    const pid = this.#machine?.pid;
    const init = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    const enter = ['-t', init, '-m', '-p', '-C', '-u', '-i', 'sh', '-c', command];
    const { status, stdout, stderr } = spawnSync('nsenter', enter, { encoding: 'utf8' });
    return { status, output: `${stdout}${stderr}` };
  }

  /** Switches it off without a word, which all its processes end with. */
  async cutPower(): Promise<void> {
    const machine = this.#machine;
    if (machine === null) return;
    this.#machine = null;
    await endProcess(machine, 'SIGKILL');
    // Its last process is gone, too, when nothing is mounted.
    const disks = ['a', 'b', 'data'].map((name) => join(this.#options.folder, name));
    await until(() =>
      disks.every((disk) => execFileSync('losetup', ['-j', disk], { encoding: 'utf8' }) === ''),
    );
  }
}
