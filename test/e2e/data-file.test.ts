import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { get, request } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { LastingDatabase } from 'rm-reflector/store';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { root } from '../checkout.ts';
import { patience } from '../scenarios/stage/wait.ts';
import { endProcess } from '../system/end-process.ts';
import { makeGarbage } from '../system/garbage.ts';

const program = join(root, 'reflector-minimal/dist/main.js');
const device = { id: 'dev1', domain: 'acme', password: 'device password' };
const isRoot = process.getuid?.() === 0;
/** Of the user `nobody`. */
const service = { uid: 65_534, gid: 65_534 };

let folder: string;
let data: string;
let running: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-data-file-'));
  data = join(folder, 'state', 'reflector.sqlite');
  running = [];
});
afterEach(async () => {
  for (const child of running) await endProcess(child, 'SIGKILL');
  rmSync(folder, { recursive: true });
});

interface Reflector {
  readonly child: ChildProcess;
  readonly port: number;
  /** Lines of the log. */
  readonly log: () => { readonly msg: string }[];
}

async function start(...args: string[]): Promise<Reflector> {
  const options = ['--data', data, '--listen', '127.0.0.1:0', ...args];
  const child = spawn(process.execPath, [makeGarbage, program, ...options]);
  running.push(child);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  await until(() => out.includes('\n') || child.exitCode !== null);
  const port = Number(/:(\d+)\n/.exec(out)?.[1]);
  const lines = () => err.split('\n').slice(0, -1);
  return { child, port, log: () => lines().map((line) => JSON.parse(line) as { msg: string }) };
}

/** A command that ends. */
async function run(...args: string[]): Promise<{ status: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [program, ...args, '--data', data]);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  child.stdin.end(`${device.password}\n`);
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, out, err };
}

const addDevice = () => run('device', 'add', device.id, '--domain', device.domain, '--password-file', '-');

const until = (condition: () => unknown) => vi.waitUntil(condition, { timeout: patience, interval: 20 });

/** The device, with a tunnel of the original's kind. */
async function connect(port: number, name = 'pump'): Promise<Duplex> {
  const credentials = `${device.id}@${device.domain}:${device.password}`;
  const asked = request({
    port,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'IPzDYSW5ClWCGSAl2iQBNQ==',
      'Sec-WebSocket-Protocol': 'com.appinf.webtunnel.server/1.0',
      'X-PTTH-Set-Property': `device;name="${name}"`,
      Authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
    },
  });
  asked.on('response', ({ statusCode }) =>
    asked.destroy(new Error(`the tunnel was refused with ${statusCode}`)),
  );
  asked.end();
  const [, socket] = (await once(asked, 'upgrade')) as [unknown, Duplex];
  socket.on('error', () => {});
  return socket;
}

async function health(port: number): Promise<number> {
  const [response] = await once(get({ port, path: '/healthz' }), 'response');
  response.resume();
  return response.statusCode;
}

describe('one reflector has a data file', () => {
  test('a second one leaves it alone, on the same port and on another', async () => {
    await addDevice();
    const audit = join(folder, 'audit.log');
    const first = await start('--audit', audit);
    const agent = await connect(first.port);
    for (const listen of [`127.0.0.1:${first.port}`, '127.0.0.1:0']) {
      const second = await run('serve', '--listen', listen, '--audit', join(folder, 'other.log'));
      expect([second.status, second.err]).toEqual([
        74,
        `rm-reflector: data file ${data}: another reflector is using it\n`,
      ]);
      expect((await run('device', 'list')).out).toMatch(/dev1 .*on line/);
    }
    expect(existsSync(join(folder, 'other.log'))).toBe(false);
    await run('device', 'add', 'dev2');
    expect(readFileSync(audit, 'utf8')).toContain('"event":"device-add"');
    agent.destroy();
  });

  test('with a port that is taken the data file is not touched', async () => {
    await addDevice();
    const holder = await start('--data', join(folder, 'another.sqlite'));
    const before = statSync(data).mtimeMs;
    const refused = await run('serve', '--listen', `127.0.0.1:${holder.port}`);
    expect([refused.status, statSync(data).mtimeMs]).toEqual([69, before]);
  });

  test('after kill -9 nothing is on line, and the next one starts', async () => {
    await addDevice();
    const first = await start();
    const agent = await connect(first.port);
    expect((await run('device', 'list')).out).toMatch(/dev1 .*on line/);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    expect((await run('device', 'list')).out).toMatch(/dev1 .*off line/);
    agent.destroy();
    const next = await start();
    expect(await health(next.port)).toBe(200);
  });
});

describe('a data file that cannot be written', () => {
  test('because another process holds it: the reflector goes on, and writes later', async () => {
    await addDevice();
    const reflector = await start();
    const holder = new LastingDatabase(data);
    holder.exec('BEGIN EXCLUSIVE');
    const agent = await connect(reflector.port);
    expect(await health(reflector.port)).toBe(200);
    await until(() => reflector.log().some(({ msg }) => msg.includes('another process holds it (write)')));
    expect((await run('device', 'list')).out).toMatch(/dev1 .*off line/);
    holder.exec('COMMIT');
    holder.close();
    await until(() => reflector.log().some(({ msg }) => msg === 'the data file can be used again (write)'));
    expect((await run('device', 'list')).out).toMatch(/dev1 .*on line/);
    agent.destroy();
  });

  test.runIf(isRoot)('because the disk is full: the reflector goes on, and writes later', async () => {
    const disk = join(folder, 'state');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'rm-data-file', disk]);
    try {
      await addDevice();
      const reflector = await start('--audit', join(disk, 'audit.log'));
      const filler = join(disk, 'filler');
      expect(() => writeFileSync(filler, Buffer.alloc(512 * 1024))).toThrow('ENOSPC');
      const agents: Duplex[] = [];
      await until(async () => {
        agents.push(await connect(reflector.port, 'x'.repeat(20_000)));
        return reflector.log().some(({ msg }) => msg.includes('the disk is full (write)'));
      });
      await until(() => reflector.log().some(({ msg }) => msg.startsWith('audit log cannot be written')));
      expect(await health(reflector.port)).toBe(200);
      rmSync(filler);
      await until(() => reflector.log().some(({ msg }) => msg === 'the data file can be used again (write)'));
      agents.push(await connect(reflector.port));
      await until(() => reflector.log().some(({ msg }) => msg.startsWith('audit log can be written again')));
      expect((await run('device', 'list')).out).toMatch(/dev1 .*on line/);
      for (const agent of agents) agent.destroy();
      reflector.child.kill('SIGTERM');
      expect(await once(reflector.child, 'exit')).toEqual([0, null]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

describe.runIf(isRoot)('what root runs on the data file of a service', () => {
  beforeEach(() => {
    mkdirSync(join(folder, 'state'), { mode: 0o700 });
    chmodSync(folder, 0o755);
    chownSync(join(folder, 'state'), service.uid, service.gid);
  });

  test('makes files that belong to the service', async () => {
    await addDevice();
    const database = new LastingDatabase(data);
    database
      .prepare("INSERT INTO settings VALUES ('audit_file', ?)")
      .run(Buffer.from(join(folder, 'state', 'audit.log')));
    database.prepare("INSERT INTO settings VALUES ('audit_of', ?)").run(Buffer.from(data));
    database.close();
    expect(await run('device', 'remove', 'dev1')).toMatchObject({ status: 0, err: '' });
    const state = join(folder, 'state');
    expect(readdirSync(state).sort()).toEqual(['audit.log', 'reflector.sqlite']);
    for (const name of readdirSync(state)) {
      const { uid, mode } = statSync(join(state, name));
      expect([name, uid, mode & 0o777]).toEqual([name, service.uid, 0o600]);
    }
  });

  test('may be the reflector itself: the service can use what it leaves', async () => {
    const reflector = await start('--audit', join(folder, 'state', 'audit.log'));
    expect(reflector.port).toBeGreaterThan(0);
    reflector.child.kill('SIGTERM');
    expect(await once(reflector.child, 'exit')).toEqual([0, null]);
    const state = join(folder, 'state');
    expect(readdirSync(state).sort()).toEqual([
      'audit.log',
      'reflector.sqlite',
      'reflector.sqlite-lock',
      'reflector.sqlite.first-administrator',
    ]);
    for (const name of readdirSync(state)) {
      const { uid, mode } = statSync(join(state, name));
      expect([name, uid, mode & 0o777]).toEqual([name, service.uid, 0o600]);
    }
  });

  test.each(['audit.log', 'reflector.sqlite-lock'])(
    'makes the reflector follow no link at %s to what the service may not have',
    async (name) => {
      symlinkSync(join(folder, 'new'), join(folder, 'state', name));
      const reflector = await start('--audit', join(folder, 'state', 'audit.log'));
      expect(reflector.port).toBeNaN();
      expect([74, 78]).toContain(reflector.child.exitCode);
      expect(existsSync(join(folder, 'new'))).toBe(false);
    },
  );

  test('goes no further than the service may, wherever its files lead', async () => {
    await addDevice();
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'of root\n', { mode: 0o644 });
    for (const path of [secret, join(folder, 'new')]) {
      const link = join(folder, 'state', 'audit.log');
      rmSync(link, { force: true });
      symlinkSync(path, link);
      const database = new LastingDatabase(data);
      const set = database.prepare(
        'INSERT INTO settings VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
      );
      set.run('audit_file', Buffer.from(link));
      set.run('audit_of', Buffer.from(data));
      database.close();
      const { status, err } = await run('user', 'add', `user-of-${basename(path)}`);
      expect([status, err]).toEqual([
        0,
        expect.stringMatching(/done, but not recorded: .*permission denied/),
      ]);
    }
    expect([readFileSync(secret, 'utf8'), existsSync(join(folder, 'new'))]).toEqual(['of root\n', false]);
    // The data file itself may be such a link, too.
    rmSync(data);
    symlinkSync(secret, data);
    expect((await run('user', 'list')).status).toBe(74);
    expect([statSync(secret).mode & 0o777, lstatSync(data).isSymbolicLink()]).toEqual([0o644, true]);
  });
});
