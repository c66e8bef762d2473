import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DebianRoot, output } from './debian-root.ts';

/** The Debian packages of the reflectors, installed on a fresh Debian with a real systemd. */

const folder = mkdtempSync(join(tmpdir(), 'rm-release-servers-'));
let debian: DebianRoot;

beforeAll(async () => {
  const only = ['--only', 'debian', '--target', 'x86_64', '--output', folder];
  await output(process.execPath, 'toolchain/release/release.mjs', ...only);
  debian = await DebianRoot.start();
});

afterAll(async () => {
  await debian?.stop();
  rmSync(folder, { recursive: true });
});

const packageOf = (name: string) =>
  join(folder, readdirSync(folder).find((file) => file.startsWith(`${name}_`)) ?? '');

describe.each(['rm-reflector', 'rm-server'])('%s', (name) => {
  /** Runs it as root, as an administrator does. */
  const program = (...args: readonly string[]) => debian.run(name, ...args);
  const isActive = () => debian.run('systemctl', 'is-active', name).then((text) => text.trim(), String);

  /** What a user gets from the service, on this machine's network. */
  const health = async () => {
    const url = `http://localhost:${port}/my-devices/health.json`;
    return (await fetch(url).catch(() => null))?.status ?? null;
  };
  const port = name === 'rm-server' ? 18_443 : 18_442;

  test('lintian finds no error in it', async () => {
    await output('lintian', '--allow-root', '--fail-on', 'error', packageOf(name));
  });

  test('it starts as a user of its own, root and service work on the same data, and purged it leaves nothing', async () => {
    const files = async () => {
      const folders = ['/etc', '/usr', '/var/lib', '/var/log'];
      const skipped = ['-path', '/var/lib/dpkg', '-prune', '-o', '-path', '/var/lib/systemd', '-prune', '-o'];
      const others = ['-path', '/var/log/journal', '-prune', '-o'];
      const lines = await debian.run(
        'find',
        ...folders,
        ...skipped,
        ...others,
        '-type',
        'f',
        '-printf',
        '%m %U %p\n',
      );
      // useradd keeps the accounts of before beside the present ones.
      return lines
        .split('\n')
        .filter((line) => !/\/etc\/(?:passwd|group|shadow|gshadow|subuid|subgid)-?$/.test(line))
        .sort();
    };
    const before = await files();
    // Before the first start: the port of the example may be somebody's on this machine.
    const dropIn = join('/usr/lib/systemd/system', `${name}.service.d`, 'port.conf');
    debian.write(
      dropIn,
      `[Service]\nEnvironment=${name.replace('-', '_').toUpperCase()}_LISTEN=127.0.0.1:${port}\n`,
    );
    debian.write('/root/package.deb', readFileSync(packageOf(name)));
    await debian.run('dpkg', '--install', '/root/package.deb');
    await expect.poll(health, { timeout: 60_000 }).toBe(200);
    expect(await isActive()).toBe('active');
    const pid = (await debian.run('systemctl', 'show', '--value', '-p', 'MainPID', name)).trim();
    expect((await debian.run('stat', '-c', '%U', `/proc/${pid}`)).trim()).toBe(name);

    expect(await program('device', 'add', 'pump-7')).toContain('pump-7');
    expect(await program('device', 'list')).toContain('pump-7');
    expect((await debian.run('stat', '-c', '%a %U', `/etc/${name}.json`)).trim()).toBe('640 root');
    const data = await debian.run('sh', '-c', `stat -c '%a %U' /var/lib/${name}/*`);
    expect(new Set(data.trim().split('\n'))).toEqual(new Set([`600 ${name}`]));
    expect((await debian.run('stat', '-c', '%a %U', `/var/log/${name}/audit.log`)).trim()).toBe(
      `600 ${name}`,
    );

    // The same version again is an upgrade: the data stay.
    await debian.run('dpkg', '--install', '/root/package.deb');
    await expect.poll(health, { timeout: 60_000 }).toBe(200);
    expect(await program('device', 'list')).toContain('pump-7');

    await debian.run('dpkg', '--purge', name);
    await debian.run('rm', '-r', `/usr/lib/systemd/system/${name}.service.d`);
    expect(await files()).toEqual(before);
    expect(await debian.run('cat', '/etc/passwd')).not.toContain(name);
    expect(await health()).toBeNull();
  });
});

test('systemd-analyze rates both units below 2.0', async () => {
  for (const name of ['rm-reflector', 'rm-server']) {
    const unpacked = join(folder, name);
    await output('dpkg', '-x', packageOf(name), unpacked);
    const unit = join(unpacked, `usr/lib/systemd/system/${name}.service`);
    // It fails above the threshold, in tenths.
    await output('systemd-analyze', 'security', '--offline=true', '--threshold=20', unit);
  }
});
