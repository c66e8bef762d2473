import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Authority } from '../certificates/authority.ts';
import { root } from '../checkout.ts';
import { DebianRoot, output } from './debian-root.ts';

/** Every command of docs/server/production.md, in its order, on a fresh Debian with a network of its own. */

const folder = mkdtempSync(join(tmpdir(), 'rm-production-'));
const authority = new Authority();
let debian: DebianRoot;
let fleet: ChildProcess | null = null;
/** Of the fleet, how many are up. */
let up = 0;

beforeAll(async () => {
  const only = ['--only', 'debian', '--target', 'x86_64', '--output', folder];
  await output(process.execPath, 'toolchain/release/release.mjs', ...only);
  debian = await DebianRoot.start({ network: 'own' });
});

afterAll(async () => {
  fleet?.kill();
  await debian?.stop();
  authority.remove();
  rmSync(folder, { recursive: true });
});

/** The commands below a heading, a block each. */
function blocks(heading: string): string[] {
  const page = readFileSync(join(root, 'docs/server/production.md'), 'utf8');
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block);
}

const headings = [
  'Install',
  'nginx in front',
  'The first administrator',
  'Domains',
  '300 devices',
  'Backups',
  'Logs',
  'Limits',
  'Watch it',
  'HAProxy in the place of nginx',
];

/** Only something that hangs reaches it: 300 devices log in on a machine that may be busy with much else. */
const patience = 300_000;

/** What a shell of the reader still knows. */
let defined = '';

async function run(block: string): Promise<string> {
  if (block.startsWith('api()')) {
    defined = block;
    return '';
  }
  const script = [
    '-e',
    '-u',
    '-c',
    `export LC_ALL=C DEBIAN_FRONTEND=noninteractive\ncd /root\n${defined}\n${block}`,
  ];
  return block.startsWith('apt-get') ? debian.runOnline('sh', ...script) : debian.run('sh', ...script);
}

async function runAll(heading: string): Promise<string[]> {
  const printed: string[] = [];
  for (const block of blocks(heading)) printed.push(await run(block));
  return printed;
}

const isUp = (count: number) => expect.poll(() => up, { timeout: patience, interval: 200 }).toBe(count);
const served = () => debian.run('curl', '-fsS', 'https://remote.example.com/healthz').catch(String);

/** Devices on line, by the server's own count. */
const online = async () => {
  const figures = await debian.run('curl', '-fsS', 'http://127.0.0.1:9464/metrics').catch(String);
  return Number(/^rm_tunnels (\d+)$/m.exec(figures)?.[1]);
};

test('the page has no commands that are not run', () => {
  const page = readFileSync(join(root, 'docs/server/production.md'), 'utf8');
  expect(headings.flatMap(blocks).length).toBe([...page.matchAll(/^```sh$/gm)].length);
});

test('from an empty Debian to 300 devices', async () => {
  // What the reader brings: packages, names, a certificate, and the files of the examples.
  for (const file of readdirSync(folder)) {
    const content = () => readFileSync(join(folder, file));
    if (/^rm-server_.*\.deb$/.test(file)) debian.write(`/root/${file}`, content());
    if (/^rm-agent_.*\.deb$/.test(file)) debian.write('/root/rm-agent.deb', content());
  }
  const names = ['DNS:remote.example.com', 'DNS:*.remote.example.com'].join(',');
  const certificate = authority.issue({ names });
  debian.write('/etc/ssl/certs/remote.example.com.pem', certificate.cert);
  debian.write('/etc/ssl/private/remote.example.com.key', certificate.key, 0o600);
  debian.write('/etc/hosts', '127.0.0.1 localhost remote.example.com pump-001.remote.example.com\n');
  debian.write('/etc/resolv.conf', readFileSync('/etc/resolv.conf'));
  for (const file of ['nginx.conf', 'haproxy.cfg']) {
    debian.write(`/root/${file}`, readFileSync(join(root, 'examples/reverse-proxy', file)));
  }

  await runAll('Install');
  // A real authority is known already.
  await debian.runOnline('apt-get', 'install', '-y', '--no-install-recommends', 'ca-certificates');
  debian.write('/usr/local/share/ca-certificates/test.crt', authority.caPem());
  await debian.run('update-ca-certificates');

  await runAll('nginx in front');
  expect(JSON.parse(await served())).toEqual({ status: 'ok' });
  await runAll('The first administrator');
  await runAll('Domains');

  const [fromFile = '', key = '', enrol = '', who = '', ...rest] = blocks('300 devices');
  expect(rest).toEqual([]);
  await run(fromFile);
  const list = await debian.run('cat', '/root/devices.tsv');
  const file = join(folder, 'devices.tsv');
  writeFileSync(file, list, { mode: 0o600 });
  await output(process.execPath, 'node_modules/typescript/bin/tsc', '-b');
  fleet = debian.spawnOnItsNetwork(process.execPath, 'test/dist/release/tsv-fleet.js', file);
  createInterface(fleet.stdout as NodeJS.ReadableStream).on('line', (line) => {
    up = Number(line);
  });
  await isUp(299);
  await run(key);
  // A pipe of the shell hides that its first program has failed.
  expect(await debian.run('cat', '/root/enrolment.key')).toMatch(/^\S{20,}\n$/);
  await run(enrol);
  await expect.poll(online, { timeout: patience, interval: 500 }).toBe(300);
  expect(await run(who)).toContain('rm_tunnels 300\n');
  // A user's request through a tunnel.
  const asked = `https://pump-001.remote.example.com/16`;
  const request = `curl -fsS -u "admin:$(cat rm-server.password)" ${asked}`;
  expect(await run(request)).toMatch(/^pump-001 /);

  expect((await runAll('Backups'))[0]).toMatch(/\d{4}-\d\d-\d\d-\d{6}\n/);
  await expect.poll(online, { timeout: patience, interval: 500 }).toBe(300);
  const logs = (await runAll('Logs')).join('');
  expect(logs).toMatch(/^audit\.log$/m);
  expect(logs).toMatch(/^audit\.log\.1$/m);
  // It goes on in the new file.
  await run(request);
  await expect
    .poll(() => debian.run('cat', '/var/log/rm-server/audit.log'), { timeout: patience })
    .toContain('pump-001');

  const limits = (await runAll('Limits')).join('').trim().split('\n');
  expect(limits.sort()).toEqual(['LimitNOFILE=131072', 'MemoryMax=1073741824']);
  await expect.poll(online, { timeout: patience, interval: 500 }).toBe(300);
  expect((await runAll('Watch it')).join('')).toMatch(/^rm_store_up 1$/m);

  await runAll('HAProxy in the place of nginx');
  await expect.poll(online, { timeout: patience, interval: 500 }).toBe(300);
  expect(await run(request)).toMatch(/^pump-001 /);
}, 1_800_000);
