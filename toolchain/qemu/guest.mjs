// An emulated board, from its image to its end.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
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
 * @property {readonly FileEntry[]} [files] more of them
 */

/**
 * Keys for SSH to the guest and the options with which OpenSSH's programs use them. rm-client looks for the key of the
 * guest under the id of the device.
 * @param {GuestOptions} options
 */
async function sshKeys({ folder, id }) {
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
  return {
    hostKey: readFileSync(file('dropbear_key')),
    authorizedKeys: readFileSync(file('user_key.pub'), 'utf8'),
  };
}

/** @param {FileEntry[]} entries @param {FileEntry} entry */
const replaced = (entries, entry) => [...entries.filter(({ path }) => path !== entry.path), entry];

/**
 * The overlay of the board with its placeholders filled in.
 * @param {GuestOptions} options
 */
function completeOverlay({ board, id, domain, secret, agent = {}, files = [] }) {
  const { target, agent: first, ...rest } = readBoard(board);
  const executable = join(dist, target, 'rm-agent');
  const own = {
    reflector: `http://${hostAddress}/`,
    device: { ...Object(first.device), id, domain, name: rest.name },
    services: [...[first.services].flat(), { port: 8080, kind: 'app', name: 'WebSocket' }],
    // In the directory that belongs to the agent's user.
    control: '/run/rm-agent/rm-agent.sock',
  };
  const configured = { ...rest, target, agent: { ...first, ...own, ...agent } };
  const all = [...overlay(configured, executable), ...files];
  return replaced(all, { path: 'etc/rm-agent.secret', mode: 0o600, content: Buffer.from(`${secret}\n`) });
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
    const { board, folder, ports } = options;
    const machine = machines[board];
    if (machine === undefined) throw new Error(`${board}: one of ${Object.keys(machines).join(', ')}`);
    const { architecture } = machine;
    const [{ image, modules }, access] = await Promise.all([
      kernel(architecture, machine.modules),
      sshKeys(options),
    ]);
    const root = await rootFiles(architecture, completeOverlay(options), access);
    await writeSquashfs(root, join(folder, 'root.squashfs'));
    writeFileSync(join(folder, 'initramfs'), await initramfs(architecture, modules));
    const memory = readBoard(board).memory.totalMiB;
    const args = [
      ...machine.machine,
      ...['-m', String(memory), '-display', 'none', '-no-user-config', '-parallel', 'none'],
      ...['-kernel', image, '-initrd', join(folder, 'initramfs')],
      ...['-append', `${machine.commandLine} rm_root=/dev/${machine.disk}a loglevel=4 panic=1 ro`],
      ...[
        '-chardev',
        `socket,id=console,path=${folder}/console,server=on,wait=off,logfile=${folder}/console.log`,
      ],
      ...['-serial', 'chardev:console', '-monitor', 'none'],
      ...['-chardev', `socket,id=monitor,path=${folder}/monitor,server=on,wait=off`],
      ...['-mon', 'chardev=monitor,mode=control'],
      ...['-drive', `file=${folder}/root.squashfs,if=none,id=disk0,format=raw`],
      ...machine.drive(0),
      ...[
        '-netdev',
        `user,id=network,restrict=on,ipv6=off${ports.map((port) => guestForward(folder, port)).join('')}`,
      ],
      ...['-device', `${machine.network},netdev=network`],
    ];
    const process = spawnBound(machine.qemu, args, { cwd: folder, output: 'inherit' });
    try {
      const sockets = ['console', 'monitor'].map((name) => join(folder, name));
      await Promise.race([
        process.exited.then((status) =>
          Promise.reject(new Error(`${machine.qemu} ended with status ${status}`)),
        ),
        (async () => {
          while (!sockets.every((path) => existsSync(path))) await delay(20);
        })(),
      ]);
      const monitor = await Monitor.open(join(folder, 'monitor'));
      return new Guest(folder, process, await Console.open(join(folder, 'console')), monitor);
    } catch (error) {
      await process.stop();
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

  /** Leaves the console to somebody else. */
  leaveConsole() {
    this.#console.close();
  }

  /** All that the console has shown since the board was switched on. */
  get log() {
    return readFileSync(join(this.#folder, 'console.log'), 'latin1');
  }

  /** What a power cut is for everybody else: nothing moves in the guest, and its connections stay open. */
  freeze() {
    return this.#monitor.execute('stop');
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
