// The root file system of a guest: BusyBox, Dropbear and the agent's overlay, as on a small router.
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileTree } from '../packages/file-tree.mjs';
import { run } from '../subprocess.mjs';
import { cpio } from './cpio.mjs';
import { unpackedPackages } from './debian-packages.mjs';
import { builtPrograms } from './own-build.mjs';

/** @typedef {import('../packages/file-tree.mjs').FileEntry} FileEntry */

/** The number of the user `rm-agent` in the guest. */
const agentUser = 999;

/** Programs of BusyBox that the guest finds by name. */
const applets = {
  bin: [
    ...[
      'ash',
      'base64',
      'cat',
      'chmod',
      'chown',
      'cp',
      'cut',
      'date',
      'dd',
      'df',
      'dmesg',
      'echo',
      'env',
      'false',
    ],
    ...[
      'free',
      'grep',
      'head',
      'hostname',
      'httpd',
      'id',
      'ifconfig',
      'kill',
      'killall',
      'ln',
      'ls',
      'md5sum',
      'mkdir',
    ],
    ...[
      'mount',
      'mv',
      'nc',
      'netstat',
      'pidof',
      'ping',
      'printf',
      'ps',
      'pwd',
      'rm',
      'route',
      'sed',
      'sh',
      'sha1sum',
    ],
    ...[
      'sha256sum',
      'sleep',
      'stty',
      'sync',
      'tail',
      'test',
      'touch',
      'tr',
      'true',
      'umount',
      'uname',
      'usleep',
      'vi',
    ],
    ...['wc', 'wget', 'xargs', 'xxd'],
  ],
  sbin: ['init', 'poweroff', 'reboot', 'start-stop-daemon', 'syslogd'],
};

/** @param {string} name in files/ @param {string} path @param {number} mode @returns {FileEntry} */
const file = (name, path, mode) => ({
  path,
  mode,
  content: readFileSync(new URL(`files/${name}`, import.meta.url)),
});

/** @param {string} path @param {string} content @param {number} [mode] @returns {FileEntry} */
const text = (path, content, mode = 0o644) => ({ path, mode, content: Buffer.from(content) });

/** @param {string} path @param {number} [mode] @returns {FileEntry} */
const directory = (path, mode = 0o755) => ({ path, mode, directory: true });

/** What `scp` asks Dropbear for, OpenSSH's. */
const sftpServer = 'usr/lib/openssh/sftp-server';

/** Where they are in the guest. */
const ownPrograms = { busybox: 'bin/busybox', dropbear: 'usr/sbin/dropbear', 'sftp-server': sftpServer };

/**
 * Programs with the libraries that they load.
 * @param {import('./machines.mjs').Machine} machine
 * @returns {Promise<FileEntry[]>}
 */
async function programs({ architecture, own, target }) {
  return [
    ...(own ? await staticPrograms(target) : await debianPrograms(architecture)),
    // Where Dropbear looks: Debian's, and that of its authors.
    { path: 'usr/lib/sftp-server', mode: 0o777, link: 'openssh/sftp-server' },
    { path: 'usr/libexec/sftp-server', mode: 0o777, link: '../lib/openssh/sftp-server' },
  ];
}

/** @param {string} target @returns {Promise<FileEntry[]>} */
async function staticPrograms(target) {
  const folder = await builtPrograms(target);
  return Object.entries(ownPrograms).map(([name, path]) => ({
    path,
    mode: 0o755,
    content: readFileSync(join(folder, name)),
  }));
}

/**
 * @param {string} architecture Debian's name of the processor
 * @returns {Promise<FileEntry[]>}
 */
async function debianPrograms(architecture) {
  const folder = await unpackedPackages(architecture, [
    ...['busybox-static', 'dropbear-bin', 'openssh-sftp-server'],
    ...['libc6', 'libcrypt1', 'libtomcrypt1', 'libtommath1', 'libgmp10', 'zlib1g'],
  ]);
  const busybox = ['bin/busybox', 'usr/bin/busybox'].find((path) => existsSync(join(folder, path))) ?? '';
  const wanted =
    /^(ld.*\.so|libc\.|libcrypt\.|libtomcrypt\.|libtommath\.|libgmp\.|libz\.|libresolv\.|libm\.)/;
  return [
    { path: 'bin/busybox', mode: 0o755, content: readFileSync(join(folder, busybox)) },
    ...['usr/sbin/dropbear', sftpServer].map((path) => ({
      path,
      mode: 0o755,
      content: readFileSync(join(folder, path)),
    })),
    ...libraries(folder, 'lib', wanted),
    ...libraries(folder, 'usr/lib', wanted),
  ];
}

/**
 * The libraries of a folder and of those in it, in /lib.
 * @param {string} root
 * @param {string} path
 * @param {RegExp} wanted
 * @returns {FileEntry[]}
 */
function libraries(root, path, wanted) {
  if (!existsSync(join(root, path)) || lstatSync(join(root, path)).isSymbolicLink()) return [];
  return readdirSync(join(root, path)).flatMap((name) => {
    const from = join(root, path, name);
    if (lstatSync(from).isDirectory()) return libraries(root, `${path}/${name}`, wanted);
    if (!wanted.test(name)) return [];
    const to = `${path.replace(/^usr\//, '')}/${name}`;
    if (!lstatSync(from).isSymbolicLink()) return [{ path: to, mode: 0o755, content: readFileSync(from) }];
    // Debian's links lead to the same folder, or to it by its full path.
    return [{ path: to, mode: 0o777, link: readlinkSync(from).replace(/^\/usr/, '') }];
  });
}

/**
 * @typedef {object} GuestAccess
 * @property {Buffer} hostKey in Dropbear's format
 * @property {string} authorizedKeys lines of keys that log in as root
 */

/**
 * @param {import('./machines.mjs').Machine} machine
 * @param {readonly FileEntry[]} overlay of the board, complete
 * @param {GuestAccess} access
 * @returns {Promise<FileEntry[]>}
 */
export async function rootFiles(machine, overlay, { hostKey, authorizedKeys }) {
  return [
    ...(await programs(machine)),
    ...Object.entries(applets).flatMap(([folder, names]) =>
      names.map((name) => ({ path: `${folder}/${name}`, mode: 0o777, link: '/bin/busybox' })),
    ),
    file('inittab', 'etc/inittab', 0o644),
    file('rcS', 'etc/init.d/rcS', 0o755),
    file('echo-web-socket', 'usr/lib/echo-web-socket', 0o755),
    file('mark-good', 'usr/lib/mark-good', 0o755),
    file('index.html', 'www/index.html', 0o644),
    text('etc/passwd', `root:x:0:0:root:/root:/bin/sh\nrm-agent:*:${agentUser}:${agentUser}::/:/bin/false\n`),
    text('etc/group', `root:x:0:\nrm-agent:x:${agentUser}:\n`),
    text('etc/shadow', 'root:*:1:0:99999:7:::\n', 0o600),
    text('etc/shells', '/bin/sh\n'),
    text('etc/hosts', '127.0.0.1 localhost\n10.0.2.100 reflector.test\n'),
    { path: 'etc/dropbear/host_key', mode: 0o600, content: hostKey },
    text('root/.ssh/authorized_keys', authorizedKeys, 0o600),
    directory('root', 0o700),
    directory('root/.ssh', 0o700),
    { path: 'tmp', mode: 0o777, link: 'var/tmp' },
    ...['dev', 'proc', 'sys', 'run', 'var', 'data'].map((path) => directory(path)),
    ...overlay,
  ];
}

/**
 * Writes a root file system that is only read (squashfs).
 * @param {readonly FileEntry[]} entries
 * @param {string} image
 */
export async function writeSquashfs(entries, image) {
  const tree = fileTree(entries);
  // Owners as in the image, whoever makes it: squashfs's pseudo files.
  const owners = tree.map((entry) => {
    const user = /^etc\/rm-agent\./.test(entry.path) ? agentUser : 0;
    return `/${entry.path} m ${('link' in entry ? 0o777 : entry.mode).toString(8)} ${user} ${user}`;
  });
  const work = mkdtempSync(join(tmpdir(), 'rm-squashfs-'));
  try {
    for (const entry of tree) {
      const path = join(work, entry.path);
      if ('link' in entry) symlinkSync(entry.link, path);
      else if ('directory' in entry) mkdirSync(path);
      else writeFileSync(path, entry.content);
      // After the umask.
      if (!('link' in entry)) chmodSync(path, entry.mode);
    }
    writeFileSync(`${work}.owners`, owners.map((line) => `${line}\n`).join(''));
    const options = ['-noappend', '-no-xattrs', '-no-progress', '-quiet', '-root-mode', '755'];
    await run('mksquashfs', [work, image, ...options, '-pf', `${work}.owners`]);
  } finally {
    rmSync(work, { recursive: true, force: true });
    rmSync(`${work}.owners`, { force: true });
  }
}

/**
 * What the kernel starts, with the modules that it needs to find the root file system.
 * @param {import('./machines.mjs').Machine} machine
 * @param {readonly { name: string, content: Buffer }[]} modules in the order in which they are loaded
 * @returns {Promise<Buffer>}
 */
export async function initramfs(machine, modules) {
  const [busybox] = (await programs(machine)).filter(({ path }) => path === 'bin/busybox');
  return cpio([
    ...(busybox ? [busybox] : []),
    file('init', 'init', 0o755),
    ...modules.map(({ name, content }) => ({ path: `modules/${name}`, mode: 0o644, content })),
    text('modules/order', modules.map(({ name }) => `${name}\n`).join('')),
    ...['data', 'dev', 'proc', 'root', 'sys'].map((path) => directory(path)),
  ]);
}
