// Debian packages that a task needs: installed when we may, otherwise named in one line.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { announce } from './progress.mjs';

/** @param {readonly string[]} names */
function missingOf(names) {
  const format = '${Package} ${db:Status-Status}\n';
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', format, ...names], { encoding: 'utf8' });
  const installed = new Set(`${stdout}`.split('\n').filter((line) => line.endsWith(' installed')));
  return names.filter((name) => !installed.has(`${name} installed`));
}

/** @param {string} command */
function has(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

/**
 * Runs apt-get to its end, whatever signal comes meanwhile: it must not be cut.
 * @param {readonly string[]} args
 */
async function apt(...args) {
  const all = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=600', ...args];
  const child = spawn('apt-get', all, {
    detached: true,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  /** @type {Set<NodeJS.Signals>} */
  const came = new Set();
  const wait = (/** @type {NodeJS.Signals} */ signal) => came.add(signal);
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
  for (const signal of signals) process.on(signal, wait);
  const [status] = await once(child, 'close');
  for (const signal of signals) process.off(signal, wait);
  for (const signal of came) if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  return { status, stderr };
}

/**
 * Runs an installation without what Debian does next, which is to start the services in the packages: nothing is to
 * listen that nobody asked for (invoke-rc.d(8), policy-rc.d).
 * @template T
 * @param {() => Promise<T>} install
 */
async function withoutServices(install) {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return install();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return await install();
  } finally {
    rmSync(policy, { force: true });
  }
}

/** Installations of this process run one after the other. */
let previous = Promise.resolve();

/**
 * Resolves when these packages are installed, or ends the process with one line that names the missing ones.
 * @param {readonly string[]} names
 */
export function needPackages(names) {
  previous = previous.then(() => install(names));
  return previous;
}

/** Whether this process has read what there is to be installed. */
let updated = false;

/** Resolves when no installation is under way; ending before would leave it behind. */
export const installed = () => previous;

/** @param {readonly string[]} names */
async function install(names) {
  const missing = missingOf(names);
  if (missing.length === 0) return;
  const command = `apt-get install ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !has('apt-get')) {
    console.error(`Missing Debian packages; run as root: ${command}`);
    process.exit(1);
  }
  const [first, ...more] = missing;
  const what = more.length < 5 ? missing.join(' ') : `${first} and ${more.length} more`;
  const done = announce(`Installing Debian packages: ${what}`);
  if (!updated) await apt('update');
  updated = true;
  const { status, stderr } = await withoutServices(() =>
    apt('install', '--no-install-recommends', ...missing),
  );
  done();
  if (status === 0) return;
  console.error(`${command} failed: ${stderr.trim().split('\n').at(-1)}`);
  process.exit(1);
}

/** What network namespaces with a router and a proxy are made of. */
export const networks = ['conntrack', 'iproute2', 'nftables', 'procps', 'tinyproxy'];

/** What the commands need that start nodes, each in a network namespace of its own. */
export const clusters = ['curl', 'haproxy', 'openssl', 'postgresql', 'socat', ...networks];

/** Web servers of devices: one a file in test/devices/servers. */
const devices = [
  ...['apache2-bin', 'aria2', 'civetweb', 'cups', 'libhttp-daemon-perl', 'lighttpd-mod-webdav', 'merecat'],
  ...['micro-httpd', 'mini-httpd', 'monit', 'nginx-light', 'php-cli', 'python3', 'python3-aiohttp'],
  ...['python3-tornado', 'python3-twisted', 'ruby', 'ruby-webrick', 'shellinabox', 'transmission-daemon'],
  ...['webfs', 'weborf', 'websockify', 'xinetd'],
];

/** What the tests of the C host build and run; executables of the agent need a part of it. */
export const native = [
  ...['bzip2', 'cmake', 'gcc', 'libc6-dev', 'make', 'ninja-build', 'patch', 'qemu-user-static'],
  ...['libc6-dbg', 'pkg-config', 'util-linux', 'valgrind', 'xz-utils'],
];

/** Other people's programs that the tests run. */
export const peers = [
  // systemd boots in namespaces, and judges the unit.
  ...['libnss-systemd', 'procps', 'strace', 'systemd', 'util-linux'],
  // RAUC updates a system in namespaces.
  ...['dbus', 'e2fsprogs', 'rauc', 'squashfs-tools'],
  ...[
    'busybox',
    'cadaver',
    'chromium',
    'curl',
    'dropbear-bin',
    'expect',
    'faketime',
    'haproxy',
    'jq',
    'libnginx-mod-http-dav-ext',
    'libnginx-mod-stream',
    'lighttpd',
    'litmus',
    'netcat-openbsd',
    'nginx-light',
    'openssh-client',
    'openssh-server',
    'ser2net',
    'socat',
  ],
  ...[
    'microsocks',
    'mosquitto',
    'mosquitto-clients',
    'oathtool',
    'pgbouncer',
    'postgresql',
    'prometheus',
    'slapd',
    'squid-openssl',
    'zbar-tools',
  ],
  ...['openssh-sftp-server', 'openssl', 'rsync', 'tigervnc-standalone-server', 'tigervnc-viewer'],
  // Screens of devices, and what the tests do on them.
  ...['x11-utils', 'x11vnc', 'xclip', 'xvfb'],
  ...devices,
  ...networks,
];

/** What makes the image of an emulated board and reaches it. */
export const guests = [
  'busybox',
  'dropbear-bin',
  'e2fsprogs',
  'kmod',
  'netcat-openbsd',
  'openssh-client',
  'squashfs-tools',
  'xz-utils',
];

/** Active Directory. */
export const activeDirectory = ['python3-samba', 'samba-ad-dc', 'samba-ad-provision', 'samba-dsdb-modules'];

/** What judges, installs and runs what is released. */
export const releases = [
  'ca-certificates',
  'debootstrap',
  'iproute2',
  'lintian',
  'openssl',
  'runc',
  'skopeo',
  'umoci',
];

/** A C++ compiler, make and Python, for npm packages with native code. */
export async function needCompiler() {
  if (!['c++', 'make', 'python3'].every(has)) await needPackages(['g++', 'make', 'python3']);
}
