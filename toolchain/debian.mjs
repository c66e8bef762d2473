// Debian packages that a task needs: installed when we may, otherwise named in one line.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

/** @param {string} name */
function isInstalled(name) {
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
  return stdout === 'installed';
}

/** @param {string} command */
function has(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

/** @param {string[]} args */
function apt(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', ['-q', '-y', '-o', 'DPkg::Lock::Timeout=600', ...args], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/**
 * Runs an installation without what Debian does next, which is to start the services in the packages: nothing is to
 * listen that nobody asked for (invoke-rc.d(8), policy-rc.d).
 * @template T
 * @param {() => T} install
 */
function withoutServices(install) {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return install();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(policy, { force: true });
  }
}

/**
 * Makes sure that these packages are installed, or ends the process with one line that names the missing ones.
 * @param {readonly string[]} names
 */
export function needPackages(names) {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const command = `apt-get install ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !has('apt-get')) {
    console.error(`Missing Debian packages; run as root: ${command}`);
    process.exit(1);
  }
  console.error(`Installing Debian packages: ${missing.join(' ')} …`);
  apt('update');
  const { status, stderr } = withoutServices(() => apt('install', '--no-install-recommends', ...missing));
  if (status !== 0) {
    console.error(`${command} failed: ${stderr.trim().split('\n').at(-1)}`);
    process.exit(1);
  }
}

/** What network namespaces with a router and a proxy are made of. */
export const networks = ['conntrack', 'iproute2', 'nftables', 'procps', 'tinyproxy'];

/** Web servers of devices: one a file in test/devices/servers. */
const devices = [
  ...['apache2-bin', 'aria2', 'civetweb', 'cups', 'libhttp-daemon-perl', 'lighttpd-mod-webdav', 'merecat'],
  ...['micro-httpd', 'mini-httpd', 'monit', 'nginx-light', 'php-cli', 'python3', 'python3-aiohttp'],
  ...['python3-tornado', 'python3-twisted', 'ruby', 'ruby-webrick', 'shellinabox', 'transmission-daemon'],
  ...['webfs', 'weborf', 'websockify', 'xinetd'],
];

/** Other people's programs that the tests run. */
export const peers = [
  ...[
    'busybox',
    'cadaver',
    'chromium',
    'curl',
    'dropbear-bin',
    'expect',
    'haproxy',
    'libnginx-mod-http-dav-ext',
    'lighttpd',
    'litmus',
    'netcat-openbsd',
    'nginx-light',
    'openssh-client',
    'openssh-server',
  ],
  ...['microsocks', 'oathtool', 'squid-openssl', 'zbar-tools'],
  ...['openssh-sftp-server', 'openssl', 'rsync', 'tigervnc-standalone-server', 'tigervnc-viewer'],
  ...devices,
  ...networks,
];

/** A C++ compiler, make and Python, for npm packages with native code. */
export function needCompiler() {
  if (!['c++', 'make', 'python3'].every(has)) needPackages(['g++', 'make', 'python3']);
}
