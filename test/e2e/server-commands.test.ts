import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from '../checkout.ts';
import { endProcess } from '../system/end-process.ts';
import { makeGarbage } from '../system/garbage.ts';

/** A fleet managed by rm-client alone: the programs as they are shipped, from an empty server to a page of a device. */

const folder = mkdtempSync(join(tmpdir(), 'rm-server-commands-'));
const children: ChildProcess[] = [];
const service = createServer((_request, response) => response.end('the page of the device'));
let port = 0;
let administrator = '';

interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function start(file: string, ...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [makeGarbage, join(root, file), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: folder, RM_CONTROL: join(folder, 'control.sock') },
  });
  children.push(child);
  return child;
}

async function client(
  credentials: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Outcome> {
  const child = spawn(process.execPath, [join(root, 'client/dist/main.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      RM_REFLECTOR: `http://localhost:${port}`,
      ...credentials,
    },
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, out, err };
}

const admin = (...args: readonly string[]) =>
  client({ RM_USER: 'admin', RM_PASSWORD: administrator }, ...args);

/** What a command printed; it has to have done what it was asked. */
async function done(...args: readonly string[]): Promise<string> {
  const { status, out, err } = await admin(...args);
  expect([status, err]).toEqual([0, '']);
  return out;
}

beforeAll(async () => {
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const data = join(folder, 'server.sqlite');
  const server = start('server/dist/main.js', '--listen', '127.0.0.1:0', '--data', data);
  const address = await new Promise<string>((resolve, reject) => {
    let text = '';
    server.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      const found = /listens on (\S+)/.exec(text)?.[1];
      if (found) resolve(found);
    });
    server.once('exit', (status) => reject(new Error(`rm-server ended with ${status}`)));
  });
  port = Number(new URL(address).port);
  const file = readFileSync(`${data}.first-administrator`, 'utf8');
  administrator = /password: (.*)/.exec(file)?.[1] ?? '';
});

afterAll(async () => {
  for (const child of children) {
    await endProcess(child);
    expect([child.exitCode, child.signalCode]).toEqual([0, null]);
  }
  service.close();
  rmSync(folder, { recursive: true, force: true });
});

test('domain, device, user and grant are made, the device comes, and the user reaches it until the grant is taken back', async () => {
  expect(await done('domains', 'add', '--id', 'plant-a', '--name', 'Plant A')).toBe('plant-a\n');
  expect(await done('domains', 'set', 'plant-a', '--max-devices', '2')).toBe('domain plant-a: changed\n');
  expect(await done('domains', 'show', 'plant-a')).toMatch(/quotas:\n {2}devices: 2\n/);

  const configuration = JSON.parse(
    await done(
      'devices',
      'add',
      '--id',
      'pump-7',
      '--domain',
      'plant-a',
      '--tag',
      'pumps',
      '--name',
      'The pump',
    ),
  ) as { device: unknown };
  const file = join(folder, 'rm-agent.json');
  const services = [{ port: 80, kind: 'http', targetPort: (service.address() as AddressInfo).port }];
  const control = join(folder, 'rm-agent.sock');
  writeFileSync(
    file,
    JSON.stringify({ ...configuration, reflector: `http://127.0.0.1:${port}`, services, control }),
    { mode: 0o600 },
  );
  start('dist/node/rm-agent.mjs', '--config', file);
  await expect.poll(() => done('devices', 'list', '--online'), { timeout: 60_000 }).toContain('pump-7');
  expect(await done('devices', 'list', '--text', 'pump')).toMatch(/pump-7 +yes +- +80 +The pump/);
  expect(JSON.parse(await done('devices', 'list', '--tag', 'other', '--json'))).toEqual([]);
  expect(await done('devices', 'set', 'pump-7', '--property', 'site=Hall 3', '--notes', 'Ring first')).toBe(
    'device pump-7: changed\n',
  );
  expect(await done('devices', 'show', 'pump-7')).toMatch(/notes: Ring first\n[\s\S]*site: Hall 3/);

  expect(await done('users', 'add', '--name', 'ci', '--service')).toBe('ci\n');
  const key = (
    await done('keys', 'add', '--of', 'ci', '--name', 'build', '--permission', 'devices.read')
  ).trim();
  const byKey = (...args: readonly string[]) => client({ RM_TOKEN: key }, ...args);
  expect((await byKey('devices', 'list')).out).not.toContain('pump-7');
  const grant = (
    await done(
      'grants',
      'add',
      '--to',
      'ci',
      '--role',
      'user',
      '--device',
      'pump-7',
      '--ports',
      'web',
      '--until',
      '+8h',
    )
  ).trim();
  expect((await byKey('devices', 'list')).out).toContain('pump-7');
  expect(await byKey('devices', 'remove', 'pump-7')).toMatchObject({
    status: 1,
    err: expect.stringMatching(
      /^rm-client: localhost:\d+: You may not do this: needs the permission devices.create\n$/,
    ),
  });
  expect(await done('grants', 'list', '--to', 'ci')).toContain(grant);
  expect(await done('grants', 'remove', grant)).toBe(`grant ${grant}: removed\n`);
  expect((await byKey('devices', 'list')).out).not.toContain('pump-7');

  expect(await done('keys', 'list', '--of', 'ci')).toContain('build');
  const [{ id = '' } = {}] = JSON.parse(await done('keys', 'list', '--of', 'ci', '--json')) as {
    id?: string;
  }[];
  expect(await done('keys', 'revoke', id)).toBe(`key ${id}: revoked\n`);
  expect(await byKey('devices', 'list')).toMatchObject({
    status: 1,
    err: expect.stringContaining('RM_TOKEN'),
  });

  expect(await done('groups', 'add', '--name', 'night')).toBe('night\n');
  await done('groups', 'join', 'night', 'ci');
  expect(await done('groups', 'members', 'night')).toContain('ci');

  expect(await done('devices', 'log', 'pump-7')).toContain('device-tunnel');
  await expect
    .poll(() => done('audit', 'list', '--event', 'createDevice'), { timeout: 120_000 })
    .toContain('pump-7');
  expect(await done('devices', 'remove', 'pump-7')).toBe('device pump-7: removed\n');
  expect(await admin('devices', 'show', 'pump-7')).toMatchObject({
    status: 1,
    err: expect.stringMatching(/^rm-client: localhost:\d+: There is no such thing: .*pump-7.*\n$/),
  });
});

test('from nothing to on line in one line: by a key, and by a code that somebody accepts', async () => {
  await done('domains', 'add', '--id', 'plant-b');
  const key = (
    await done('enroll', 'add-key', '--name', 'run 1', '--domain', 'plant-b', '--uses', '2')
  ).trim();
  /** As a person would, but for what two agents on one machine cannot share. */
  const enroll = async (name: string, ...keys: readonly string[]) => {
    const file = join(folder, `${name}.json`);
    const written = start(
      'dist/node/rm-agent.mjs',
      'enroll',
      '--offline',
      '--config',
      file,
      `http://127.0.0.1:${port}`,
      ...keys,
    );
    await once(written, 'exit');
    const configuration = JSON.parse(readFileSync(file, 'utf8')) as { device: object };
    const device = { ...configuration.device, id: name };
    const [stateFile, control] = [join(folder, `${name}.state`), join(folder, `${name}.sock`)];
    writeFileSync(file, JSON.stringify({ ...configuration, device, stateFile, control }));
    start('dist/node/rm-agent.mjs', '--config', file);
  };
  await enroll('pump-8', key);
  await expect.poll(() => done('devices', 'list', '--online'), { timeout: 60_000 }).toContain('pump-8');
  expect(await done('enroll', 'keys')).toMatch(/run 1 +plant-b +- +no +2 +1 /);

  await enroll('pump-9');
  const waiting = async () =>
    JSON.parse(await done('enroll', 'list', '--json')) as { code: string; id: string }[];
  await expect.poll(waiting, { timeout: 60_000 }).toEqual([expect.objectContaining({ id: 'pump-9' })]);
  const [{ code = '' } = {}] = await waiting();
  expect(await done('enroll', 'accept', code, '--domain', 'plant-b')).toBe(`code ${code}: accepted\n`);
  await expect.poll(() => done('devices', 'list', '--online'), { timeout: 120_000 }).toContain('pump-9');
});

test('a reflector without this API says so in one line', async () => {
  const data = join(folder, 'minimal.sqlite');
  const minimal = start('reflector-minimal/dist/main.js', '--listen', '127.0.0.1:0', '--data', data);
  const address = await new Promise<string>((resolve) => {
    minimal.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const found = /listens on (\S+)/.exec(text)?.[1];
      if (found) resolve(found);
    });
  });
  const password = /password: (.*)/.exec(readFileSync(`${data}.first-administrator`, 'utf8'))?.[1] ?? '';
  const asked = await client({ RM_USER: 'admin', RM_PASSWORD: password }, 'users', '--reflector', address);
  expect(asked).toMatchObject({
    status: 1,
    err: expect.stringMatching(/^rm-client: localhost:\d+: does not have this; is it an rm-server\?\n$/),
  });
});
