// An emulated board, from its image to its end.
import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readBoard } from '../boards/board.mjs';
import { overlay } from '../boards/overlay.mjs';
import { spawnBound } from '../bound-process.mjs';
import { run } from '../subprocess.mjs';
import { Console } from './console.mjs';
import { kernel } from './kernel.mjs';
import { machines } from './machines.mjs';
import { Monitor } from './monitor.mjs';
import { initramfs, rootFiles, writeSquashfs } from './root-file-system.mjs';
import { connectedTo } from './unix-socket.mjs';

/** @typedef {import('../packages/file-tree.mjs').FileEntry} FileEntry */

const dist = fileURLToPath(new URL('../../dist', import.meta.url));

/** The address in the guest's network from which the ports of `ways` are reached. */
export const hostAddress = '10.0.2.100';

/**
 * @typedef {object} GuestOptions
 * @property {string} board one of {@link machines}
 * @property {string} folder an empty one for image, keys and sockets; its path has at most 80 bytes
 * @property {string} id of the device
 * @property {string} domain of the device
 * @property {string} secret the device's password
 * @property {Readonly<Record<string, unknown>>} [agent] in the place of the same keys of the board's configuration
 * @property {readonly number[]} ports of {@link hostAddress} that lead to this machine, see {@link Guest.lead}
 * @property {readonly FileEntry[]} [files] more of them, or others in the place of the board's
 * @property {boolean} [slots] a second disk for another root file system, see files/init, and a third one for data that
 *   outlive an update: the device's password is there
 * @property {boolean} [writeLog] with `slots`: what is written to the third disk is also in `data.log`, in its order, see
 *   {@link dataBytes}; `data.ext4.first` is the disk before
 */

/** Where the password is, then; below the root. */
const secretInData = 'data/rm-agent/secret';

/** Bytes of a disk for a root file system, where there are two. */
const slotBytes = 32 << 20;

/** Bytes of the file system on the disk for data. As many again belong to nobody. */
export const dataBytes = 8 << 20;

/**
 * Keys for SSH to the guest and the options with which OpenSSH's programs use them. rm-client looks for the key of the
 * guest under the id of the device.
 * @param {GuestOptions} options
 */
async function makeSshKeys({ folder, id }) {
  const file = (/** @type {string} */ name) => join(folder, name);
  for (const key of ['host_key', 'user_key'])
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file(key)]);
  await run('dropbearconvert', ['openssh', 'dropbear', file('host_key'), file('dropbear_key')]);
  writeFileSync(file('known_hosts'), `${id} ${readFileSync(file('host_key.pub'), 'utf8')}`);
  writeFileSync(
    file('ssh_config'),
    [
      `IdentityFile ${file('user_key')}`,
      `UserKnownHostsFile ${file('known_hosts')}`,
      ...['User root', 'IdentitiesOnly yes', 'StrictHostKeyChecking yes', 'BatchMode yes'],
    ].join('\n'),
  );
}

/** @param {FileEntry[]} entries @param {FileEntry} entry */
const replaced = (entries, entry) => [...entries.filter(({ path }) => path !== entry.path), entry];

/**
 * The overlay of the board with its placeholders filled in.
 * @param {GuestOptions} options
 */
function completeOverlay({ board, id, domain, secret, agent = {}, files = [], slots = false }) {
  const { target, agent: first, ...rest } = readBoard(board);
  const executable = join(dist, target, 'rm-agent');
  /** @type {{ device: Record<string, unknown> } & Record<string, unknown>} */
  const own = {
    reflector: `http://${hostAddress}/`,
    device: { ...Object(first.device), id, domain, name: rest.name },
    services: [...[first.services].flat(), { port: 8080, kind: 'app', name: 'WebSocket' }],
    // In the directory that belongs to the agent's user.
    control: '/run/rm-agent/rm-agent.sock',
  };
  if (slots) {
    own.device.password = { file: `/${secretInData}` };
    own.notify = { command: ['/usr/lib/mark-good'] };
  }
  const configured = { ...rest, target, agent: { ...first, ...own, ...agent } };
  const secretFile = { path: 'etc/rm-agent.secret', mode: 0o600, content: Buffer.from(`${secret}\n`) };
  const version = { path: 'etc/version', mode: 0o644, content: Buffer.from('1\n') };
  return [...(slots ? [] : [secretFile]), version, ...files].reduce(
    replaced,
    overlay(configured, executable),
  );
}

/**
 * Writes the root file system of a board, or another version of it.
 * @param {GuestOptions} options of a guest that {@link Guest.start} has started, but for the files
 * @param {string} image
 */
export async function writeRoot(options, image) {
  const { folder } = options;
  const access = {
    hostKey: readFileSync(join(folder, 'dropbear_key')),
    authorizedKeys: readFileSync(join(folder, 'user_key.pub'), 'utf8'),
  };
  await writeSquashfs(await rootFiles(machineOf(options), completeOverlay(options), access), image);
}

/** @param {Pick<GuestOptions, 'board'>} options */
function machineOf({ board }) {
  const machine = machines[board];
  if (machine === undefined) throw new Error(`${board}: one of ${Object.keys(machines).join(', ')}`);
  return machine;
}

/**
 * @typedef {object} Disk
 * @property {string} file
 * @property {string} serial its number
 * @property {string} [log] where what is written to it is written too
 */

/**
 * The disks of the guest.
 * @param {GuestOptions} options
 * @returns {Promise<Disk[]>}
 */
async function writeDisks(options) {
  const { folder, secret, slots, writeLog } = options;
  const root = join(folder, 'root.squashfs');
  await writeRoot(options, root);
  if (!slots) return [{ file: root, serial: 'root' }];
  const [other, data, content] = ['other.squashfs', 'data.ext4', 'data'].map((name) => join(folder, name));
  copyFileSync(root, other ?? '');
  for (const file of [root, other ?? '']) truncateSync(file, slotBytes);
  mkdirSync(join(content ?? '', 'boot'), { recursive: true });
  mkdirSync(join(content ?? '', 'rm-agent'), { mode: 0o700 });
  writeFileSync(join(content ?? '', 'boot/slot'), 'a\n');
  writeFileSync(join(content ?? '', 'rm-agent/secret'), `${secret}\n`, { mode: 0o600 });
  await run('/sbin/mke2fs', ['-q', '-t', 'ext4', '-d', content ?? '', data ?? '', `${dataBytes >> 10}k`]);
  truncateSync(data ?? '', 2 * dataBytes);
  return [
    { file: root, serial: 'slot-a' },
    { file: other ?? '', serial: 'slot-b' },
    { file: data ?? '', serial: 'data', log: writeLog ? join(folder, 'data.log') : undefined },
  ];
}

/**
 * The options for a disk. A log is in the format of dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst).
 * @param {Disk} disk
 * @param {number} index
 */
function driveOptions({ file, log }, index) {
  const drive = `if=none,id=disk${index}`;
  if (log === undefined) return ['-drive', `file=${file},${drive},format=raw`];
  writeFileSync(log, '');
  copyFileSync(file, `${file}.first`);
  const logged = `driver=blklogwrites,file.driver=file,file.filename=${file},log.driver=file,log.filename=${log}`;
  return ['-drive', `${drive},${logged}`];
}

export class Guest {
  /** @type {string} */
  #folder;
  #process;
  /** @type {Console} */
  #console;
  /** @type {Monitor} */
  #monitor;
  /** For `ssh -F`. */
  sshConfig;
  /** The socket of the console, for a person. */
  consoleSocket;

  /**
   * @param {string} folder
   * @param {ReturnType<typeof spawnBound>} process
   * @param {Console} terminal
   * @param {Monitor} monitor
   */
  constructor(folder, process, terminal, monitor) {
    this.#folder = folder;
    this.#process = process;
    this.#console = terminal;
    this.#monitor = monitor;
    this.sshConfig = join(folder, 'ssh_config');
    this.consoleSocket = join(folder, 'console');
  }

  /**
   * Makes the image and switches the board on.
   * @param {GuestOptions} options
   * @returns {Promise<Guest>}
   */
  static async start(options) {
    const { board, folder, ports, slots = false } = options;
    const machine = machineOf(options);
    const names = [...machine.modules, ...(slots ? ['ext4'] : [])];
    const [{ image, modules }] = await Promise.all([kernel(machine, names), makeSshKeys(options)]);
    const disks = await writeDisks(options);
    writeFileSync(join(folder, 'initramfs'), await initramfs(machine, modules));
    const place = slots ? 'rm_slots=1' : `rm_root=/dev/${machine.disk}a`;
    const memory = readBoard(board).memory.totalMiB;
    const args = [
      ...machine.machine,
      ...['-m', String(memory), '-display', 'none', '-no-user-config', '-parallel', 'none'],
      ...['-kernel', image, '-initrd', join(folder, 'initramfs')],
      ...['-append', `${machine.commandLine} ${place} loglevel=4 panic=1 ro`],
      ...[
        '-chardev',
        `socket,id=console,path=${folder}/console,server=on,wait=off,logfile=${folder}/console.log`,
      ],
      ...['-serial', 'chardev:console', '-monitor', 'none'],
      ...['-chardev', `socket,id=monitor,path=${folder}/monitor,server=on,wait=off`],
      ...['-mon', 'chardev=monitor,mode=control'],
      ...disks.flatMap((disk, index) => [...driveOptions(disk, index), ...machine.drive(index, disk.serial)]),
      ...[
        '-netdev',
        `user,id=network,restrict=on,ipv6=off${ports.map((port) => guestForward(folder, port)).join('')}`,
      ],
      ...['-device', `${machine.network},netdev=network`],
    ];
    const process = spawnBound(machine.qemu, args, { cwd: folder, output: 'inherit' });
    const gone = new AbortController();
    process.exited.finally(() => gone.abort()).catch(() => {});
    try {
      const terminal = await connectedTo(join(folder, 'console'), gone.signal);
      const monitor = await Monitor.open(await connectedTo(join(folder, 'monitor'), gone.signal));
      return new Guest(folder, process, new Console(terminal), monitor);
    } catch (error) {
      const status = await process.stop();
      if (gone.signal.aborted)
        throw new Error(`${machine.qemu} ended with status ${status}`, { cause: error });
      throw error;
    }
  }

  /**
   * From now on, new connections of the guest to a port of {@link hostAddress} end at this port of the loopback interface.
   * @param {number} port one of `ports`
   * @param {number} to
   */
  lead(port, to) {
    writeFileSync(join(this.#folder, `way-${port}`), `${to}\n`);
  }

  /** Resolves when commands can be run. */
  booted() {
    return this.#console.ready();
  }

  /**
   * Runs a command as root on the console.
   * @param {string} command one line
   */
  run(command) {
    return this.#console.run(command);
  }

  /** Asks the guest to end its programs and to boot again. */
  reboot() {
    return this.#console.send('reboot');
  }

  /** Leaves the console to somebody else. */
  leaveConsole() {
    this.#console.close();
  }

  /** All that the console has shown since the board was switched on; on a busy machine QEMU may write a character twice. */
  get log() {
    return readFileSync(join(this.#folder, 'console.log'), 'latin1');
  }

  /** What the console has shown, each character once, but for the first moments of the first boot. */
  get shown() {
    return this.#console.shown;
  }

  /**
   * Resolves once the console has shown this.
   * @param {RegExp} pattern
   * @param {number} [after] characters of {@link shown} that are passed over
   */
  shows(pattern, after = 0) {
    return this.#console.shows(pattern, after);
  }

  /** What a power cut is for everybody else: nothing moves in the guest, and its connections stay open. */
  freeze() {
    return this.#monitor.execute('stop');
  }

  /** Lets the guest go on after {@link freeze}. */
  resume() {
    return this.#monitor.execute('cont');
  }

  /** A power cut and the boot after it: what the guest has not written to its disks is lost. */
  reset() {
    return this.#monitor.execute('system_reset');
  }

  /** Resolves with the status of QEMU when it has ended by itself. */
  get ended() {
    return this.#process.exited;
  }

  /** Switches the board off. */
  async stop() {
    this.#console.close();
    this.#monitor.close();
    await this.#process.stop();
  }
}

/**
 * The part of a -netdev option by which a port of {@link hostAddress} leads to a program, one for each connection.
 * @param {string} folder
 * @param {number} port
 */
function guestForward(folder, port) {
  const program = join(folder, `forward-${port}`);
  const way = join(folder, `way-${port}`);
  writeFileSync(program, `#!/bin/sh\nread -r port <'${way}' && exec busybox nc 127.0.0.1 "$port"\n`, {
    mode: 0o755,
  });
  return `,guestfwd=tcp:${hostAddress}:${port}-cmd:${program}`;
}
