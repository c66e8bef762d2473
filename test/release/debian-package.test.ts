import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { curl } from '../system/curl.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';
import { DebianRoot, output } from './debian-root.ts';

/** The Debian package, installed on a fresh Debian with a real systemd. */

const folder = mkdtempSync(join(tmpdir(), 'rm-release-'));
const service = createServer((_request, response) => response.end('the page of the device'));
let file: string;
let system: RemoteSystem;
let debian: DebianRoot;

beforeAll(async () => {
  const release = join(folder, 'release');
  const only = ['--only', 'debian', '--target', 'x86_64', '--output', release];
  await output(process.execPath, 'toolchain/release/release.mjs', ...only);
  file = join(release, readdirSync(release).find((name) => name.endsWith('.deb')) ?? '');
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  system = await RemoteSystem.start({ services: [], agent: null });
  debian = await DebianRoot.start();
});

afterAll(async () => {
  await debian?.stop();
  await system?.stop();
  service.close();
  rmSync(folder, { recursive: true });
});

/** All files but those of dpkg and systemd, and what changes by itself. */
async function files(): Promise<string[]> {
  const others = [
    '/proc',
    '/sys',
    '/dev',
    '/run',
    '/tmp',
    '/var/log',
    '/var/lib/dpkg',
    '/var/lib/systemd',
    // The private folders of services, which systemd removes some time after they have ended.
    '/var/tmp/systemd-private-*',
    '/root',
  ];
  const skipped = others.flatMap((path) => ['-path', path, '-prune', '-o']);
  const lines = (await debian.run('find', '/', ...skipped, '-printf', '%y %m %U %p\n')).trim().split('\n');
  return lines.sort();
}

test('lintian finds no error in it', async () => {
  await output('lintian', '--allow-root', '--fail-on', 'error', file);
});

test('it starts an agent that connects, and purged it leaves nothing', async () => {
  const before = await files();
  const { port } = service.address() as AddressInfo;
  debian.write('/etc/rm-agent.secret', `${system.devicePassword}\n`, 0o600);
  const configuration = {
    reflector: `http://127.0.0.1:${system.port}/`,
    // As in the example of the package.
    device: { id: deviceId, domain: system.domain, password: { file: '/etc/rm-agent.secret' } },
    services: [{ port: 80, kind: 'http', targetPort: port }],
  };
  debian.write('/etc/rm-agent.json', JSON.stringify(configuration), 0o600);
  debian.write('/root/rm-agent.deb', readFileSync(file));
  await debian.run('dpkg', '--install', '/root/rm-agent.deb');

  await expect
    .poll(async () => (await curl(system, [`${system.url}/`])).output.toString(), {
      timeout: 60_000,
    })
    .toBe('the page of the device');
  expect((await debian.run('systemctl', 'is-enabled', 'rm-agent')).trim()).toBe('enabled');

  // A package of the same version again is an upgrade, which restarts the agent.
  await debian.run('dpkg', '--install', '/root/rm-agent.deb');
  expect((await debian.run('systemctl', 'is-active', 'rm-agent')).trim()).toBe('active');

  await debian.run('dpkg', '--purge', 'rm-agent');
  expect(await files()).toEqual(before);
  const processes = await debian.run('sh', '-c', 'cat /proc/[0-9]*/comm');
  expect(processes.split('\n')).not.toContain('rm-agent');
});
