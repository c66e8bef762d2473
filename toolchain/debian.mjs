// Debian packages that a task needs: installed when we may, otherwise named in one line.
import { spawnSync } from 'node:child_process';

function isInstalled(name) {
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
  return stdout === 'installed';
}

function has(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

function apt(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', ['-q', '-y', ...args], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
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
  const { status, stderr } = apt('install', '--no-install-recommends', ...missing);
  if (status !== 0) {
    console.error(`${command} failed: ${stderr.trim().split('\n').at(-1)}`);
    process.exit(1);
  }
}

/** A C++ compiler, make and Python, for npm packages with native code. */
export function needCompiler() {
  if (!['c++', 'make', 'python3'].every(has)) needPackages(['g++', 'make', 'python3']);
}
