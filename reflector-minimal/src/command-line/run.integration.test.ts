import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Installation } from '../installation.ts';
import { stepAt, totpCode } from '../one-time-password/totp.ts';
import { matchesHash } from '../passwords/scrypt.ts';
import { DataFileLock } from '../store/data-file-lock.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { systemClock } from '../system-clock.ts';
import { importDevices } from './device-import.ts';
import { ExitStatus } from './exit.ts';
import type { Program } from './program.ts';
import { reflectorProgram } from './reflector-program.ts';
import { run } from './run.ts';

describe('rm-reflector', () => {
  let folder: string;
  let data: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rm-reflector-run-'));
    data = join(folder, 'reflector.sqlite');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** What is typed when a command asks, given what it has printed. */
  let answers: ((out: string) => string)[] = [];

  async function command(...args: string[]): Promise<{ status: number; out: string; err: string }> {
    let [out, err] = ['', ''];
    const status = await run(args, {
      environment: { RM_REFLECTOR_DATA: data },
      clock: systemClock,
      print: (text) => {
        out += text;
      },
      printError: (text) => {
        err += text;
      },
      ask: async (question) => {
        out += question;
        return answers.shift()?.(out) ?? null;
      },
    });
    return { status, out, err };
  }

  async function look<T>(read: (store: SqliteStore) => T | Promise<T>): Promise<T> {
    const store = SqliteStore.open(data);
    try {
      return await read(store);
    } finally {
      await store.close();
    }
  }

  function passwordFile(password: string): string {
    const file = join(folder, 'password');
    writeFileSync(file, password);
    chmodSync(file, 0o600);
    return file;
  }

  test.each(['www', 'Reflector'])('device %s: the reflector has that name', async (id) => {
    await look(() => null);
    for (const [action, ...more] of [['add'], ['claim', '--domain', 'x']] as const) {
      const { status, err } = await command('device', action, id, ...more);
      expect(err).toMatch(/: its host name is a name of the reflector itself; choose another/);
      expect(status).toBe(1);
    }
  });

  test('--cookie-host and a device that it would hide exclude each other, in one line', async () => {
    await command('device', 'add', 'view');
    const hosts = ['--listen', '127.0.0.1:0', '--domain', 'r.test', '--cookie-host', 'view.r.test'];
    expect(await command(...hosts)).toEqual({
      status: 78,
      out: '',
      err: 'rm-reflector: --cookie-host: "view.r.test": is a host name of the device view; choose another name, or remove the device\n',
    });
    await command('device', 'remove', 'view');
    await look((store) => new Installation(store).setTakenLabel('view'));
    for (const action of ['add', 'claim']) {
      expect(await command('device', action, 'view')).toEqual({
        status: 1,
        out: '',
        err: 'rm-reflector: device view: its host name is the --cookie-host of the reflector; choose another for one of them\n',
      });
    }
    expect(await command('device', 'add', 'view2')).toMatchObject({ status: 0 });
  });

  test('what is built on it can end it in order, with an exit status of its own', async () => {
    const ended: string[] = [];
    const program: Program = {
      ...reflectorProgram,
      additions: ({ end }) => ({
        options: {},
        started: () => end?.(ExitStatus.configuration),
        close: () => void ended.push('closed'),
      }),
    };
    const context = {
      environment: {},
      clock: systemClock,
      print: () => {},
      printError: () => {},
      ask: async () => null,
    };
    const args = ['--listen', '127.0.0.1:0', '--data', data, '--log-level', 'silent'];
    expect([await run(args, context, program), ended]).toEqual([78, ['closed']]);
  });

  test('what a command has changed is recorded where the reflector records', async () => {
    const audit = join(folder, 'audit.log');
    await command('user', 'add', 'alice');
    await look((store) => new Installation(store).setAuditFile(audit, store.realPath));
    await command('user', 'grant', 'alice', 'acme');
    await command('user', 'list');
    expect((await command('user', 'remove', 'nobody')).status).toBe(1);
    await command('device', 'add', 'pump-7');
    const operator = userInfo().username;
    const lines = readFileSync(audit, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => ({ ...JSON.parse(line), time: '' }))).toEqual([
      { time: '', event: 'user-grant', allowed: true, user: 'alice', operator, detail: 'domain acme' },
      { time: '', event: 'device-add', allowed: true, device: 'pump-7', operator },
    ]);
    expect(statSync(audit).mode & 0o777).toBe(0o600);
    await look((store) =>
      new Installation(store).setAuditFile(join(folder, 'none', 'audit.log'), store.realPath),
    );
    const unrecorded = await command('user', 'remove', 'alice');
    expect([unrecorded.status, await look((store) => store.users.get('alice'))]).toEqual([0, null]);
    expect(unrecorded.err).toMatch(
      /^rm-reflector: done, but not recorded: .*audit\.log: no such file or directory\n$/,
    );
  });

  test('only what adds something makes a data file, and says so', async () => {
    for (const args of [
      ['user', 'list'],
      ['device', 'list'],
      ['device', 'remove', 'dev1'],
      ['user', 'passwd', 'alice'],
    ]) {
      expect(await command(...args)).toEqual({
        status: 74,
        out: '',
        err: `rm-reflector: data file ${data}: there is no such file; the reflector makes it when it starts, and so do "device add" and "user add"\n`,
      });
      expect(existsSync(data)).toBe(false);
    }
    expect((await command('user', 'add', 'a:b')).status).toBe(64);
    expect(existsSync(data)).toBe(false);
    expect((await command('user', 'add', 'alice')).err).toBe(`rm-reflector: made a new data file, ${data}\n`);
    expect((await command('user', 'add', 'bob')).err).toBe('');
  });

  test('what is no data file keeps its mode, whatever a wrong path leads to', async () => {
    writeFileSync(data, 'somebody wants to read this\n', { mode: 0o644 });
    chmodSync(folder, 0o755);
    for (const path of [data, folder]) {
      const { status, err } = await command('user', 'list', '--data', path);
      expect([status, err.split('\n').length]).toEqual([74, 2]);
    }
    expect([data, folder].map((path) => statSync(path).mode & 0o777)).toEqual([0o644, 0o755]);
  });

  test('a data file that others may read is closed to them, and it is said', async () => {
    await command('user', 'add', 'alice');
    chmodSync(data, 0o644);
    const listed = await command('user', 'list');
    expect([listed.status, listed.err]).toEqual([
      0,
      `rm-reflector: ${data}: others could read or change it (mode 0644); its mode is 0600 now\n`,
    ]);
    expect(statSync(data).mode & 0o777).toBe(0o600);
    expect((await command('user', 'list')).err).toBe('');
  });

  test('a data file that is damaged, at its beginning or later, is one line and 74', async () => {
    for (let n = 0; n < 50; n++)
      await look(async (store) => await store.users.add(`user ${n}`, 'x'.repeat(500), 0, 'user'));
    const whole = readFileSync(data);
    const damaged = (from: number, to: number) =>
      writeFileSync(data, Buffer.from(whole).fill(0x5a, from, to));
    damaged(0, 4096);
    const [start] = [await command('user', 'list')];
    expect([start.status, start.err]).toEqual([
      74,
      `rm-reflector: data file ${data}: file is not a database\n`,
    ]);
    damaged(8192, whole.length);
    const later = await command('user', 'list');
    expect(later.status).toBe(74);
    expect(later.err).toMatch(/^rm-reflector: .*malformed\n$/);
  });

  test('a command on a copy of the data file leaves the audit file of the original alone', async () => {
    const audit = join(folder, 'audit.log');
    await command('user', 'add', 'alice');
    await look((store) => new Installation(store).setAuditFile(audit, store.realPath));
    const copy = join(folder, 'copy.sqlite');
    copyFileSync(data, copy);
    chmodSync(copy, 0o600);
    const original = data;
    data = copy;
    const removed = await command('user', 'remove', 'alice');
    expect([removed.status, removed.err]).toEqual([
      0,
      `rm-reflector: done, but not recorded: ${audit} is the audit file of ${original}, which this data file is a copy of\n`,
    ]);
    expect(existsSync(audit)).toBe(false);
  });

  test('user add, passwd, list, remove', async () => {
    const added = await command('user', 'add', 'alice', '--admin');
    expect(added.out).toMatch(/^administrator alice added\npassword: [a-z2-9]{26}\n$/);
    const password = added.out.split('password: ')[1]?.trim() ?? '';
    const stored = () => look(async (store) => (await store.users.get('alice'))?.password ?? '');
    expect(await matchesHash(password, await stored())).toBe(true);
    const file = passwordFile('my own password\nsecond line');
    const changed = await command('user', 'passwd', 'alice', '--password-file', file);
    expect(changed.out).toBe('password of alice changed\n');
    expect(await matchesHash('my own password', await stored())).toBe(true);
    const bob = await command('user', 'add', 'bob', '--password-file', file);
    expect(bob.out).toBe('user bob added\nit sees no device yet: use "user grant bob DOMAIN"\n');
    expect((await command('user', 'list')).out).toBe(
      'alice  administrator  every device\nbob  user  no device\n',
    );
    expect((await command('user', 'remove', 'alice', '--force')).status).toBe(0);
    expect(await command('user', 'remove', 'alice')).toEqual({
      status: 1,
      out: '',
      err: 'rm-reflector: user alice: there is no such user\n',
    });
  });

  test('a password that is short, common or the name is refused in one line, and changes nothing', async () => {
    await command('user', 'add', 'alice');
    const before = await look(async (store) => (await store.users.get('alice'))?.password);
    for (const [password, why] of [
      ['short', 'must have at least 10 characters'],
      ['Password2026!', 'is among the most common passwords'],
      ['12345678901', 'is a sequence of neighbours, which is among the first that are guessed'],
    ] as const) {
      const file = passwordFile(password);
      expect(await command('user', 'passwd', 'alice', '--password-file', file)).toEqual({
        status: 64,
        out: '',
        err: `rm-reflector: ${file}: the password ${why}; without a file one is made\n`,
      });
      expect((await command('user', 'add', 'bob', '--password-file', file)).status).toBe(64);
      // That of a device is typed by nobody, and is that of an existing device, perhaps.
      expect((await command('device', 'add', `d${why.length}`, '--password-file', file)).status).toBe(0);
    }
    expect(
      await look(async (store) => [(await store.users.get('alice'))?.password, await store.users.get('bob')]),
    ).toEqual([before, null]);
  });

  test('user grant, revoke, promote, demote', async () => {
    await command('user', 'add', 'bob');
    await command('device', 'add', 'dev1', '--domain', 'plant-1');
    expect((await command('user', 'grant', 'bob', 'plant-1')).out).toBe(
      'user bob sees the devices of plant-1 (1 now)\n',
    );
    await command('user', 'grant', 'bob', 'plant-2');
    expect((await command('user', 'list')).out).toBe('bob  user  plant-1, plant-2\n');
    expect((await command('user', 'revoke', 'bob', 'plant-1')).status).toBe(0);
    expect(await command('user', 'revoke', 'bob', 'plant-1')).toMatchObject({
      status: 1,
      err: 'rm-reflector: user bob: plant-1 is not granted; granted: plant-2\n',
    });
    expect((await command('user', 'promote', 'bob')).out).toBe(
      'bob is an administrator and sees every device\n',
    );
    expect((await command('user', 'demote', 'bob', '--force')).out).toBe(
      'bob is a user and sees the devices of plant-2\n',
    );
    expect(await command('user', 'grant', 'bob')).toMatchObject({
      status: 64,
      err: expect.stringMatching(
        /a domain is missing; that of devices added without one is [0-9a-f-]{36}\n$/,
      ),
    });
  });

  test('user logout ends sessions and tokens', async () => {
    await command('user', 'add', 'alice');
    expect((await command('user', 'logout', 'alice')).out).toBe('user alice logged out: 0 sessions ended\n');
    expect((await command('user', 'logout', 'bob')).err).toContain('there is no such user');
  });

  test('user totp shows a secret, and switches on once a code has proved it', async () => {
    await command('user', 'add', 'alice');
    const right = (out: string) => {
      const base32 = /secret: ([A-Z2-7 ]+)\n/.exec(out)?.[1]?.replaceAll(' ', '') ?? '';
      expect(out).toContain(`otpauth://totp/rm-reflector:alice?secret=${base32}&issuer=rm-reflector`);
      return totpCode(fromBase32(base32), stepAt(Date.now()));
    };
    answers = [() => '000000', right];
    const { status, out } = await command('user', 'totp', 'alice');
    expect(status).toBe(0);
    expect(out).toContain('▄');
    expect(out).toContain('That is not the current code');
    expect(out.match(/^ {2}(?:[a-z2-9]{4}-){3}[a-z2-9]{4}$/gm)).toHaveLength(10);
    expect((await command('user', 'list')).out).toBe('alice  user  no device  one-time passwords\n');
    expect((await command('user', 'totp', 'alice', '--remove')).status).toBe(0);
    expect((await command('user', 'totp', 'alice', '--remove')).err).toContain('has no one-time passwords');
    answers = [() => '1', () => '2', () => '3', right];
    expect(await command('user', 'totp', 'alice')).toMatchObject({
      status: 1,
      err: 'rm-reflector: user alice: the code was not right; nothing was changed\n',
    });
    answers = [];
    expect((await command('user', 'totp', 'alice')).status).toBe(1);
    expect(await look(async (store) => (await store.users.get('alice'))?.totpSecret)).toBeNull();
  });

  /** What `device add` has printed or written, without its comments. */
  const agentJson = (text: string) => JSON.parse(text.replace(/^ *\/\/.*\n/gm, ''));

  test('device add prints the configuration of the agent, with the address of the reflector that ran last', async () => {
    const device = async (...args: string[]) => agentJson((await command('device', 'add', ...args)).out);
    expect(await device('d1')).toMatchObject({ reflector: 'http://localhost:8080/' });
    await look((store) => new Installation(store).setUrl('https://r.test/'));
    const services = [
      { port: 80, kind: 'http' },
      { port: 22, kind: 'ssh' },
    ];
    expect(await device('d2', '--domain', 'plant')).toEqual({
      reflector: 'https://r.test/',
      device: { id: 'd2', domain: 'plant', password: expect.stringMatching(/^[a-z2-9]{26}$/) },
      services,
    });
    expect(
      await device('d3', '--url', 'http://10.0.0.1:81', '--password-file', passwordFile('s3cret')),
    ).toEqual({
      reflector: 'http://10.0.0.1:81/',
      device: { id: 'd3', domain: expect.any(String), password: { file: '/etc/rm-agent.secret' } },
      services,
    });
    expect(await device('d4', '--certificate')).toEqual({
      reflector: 'https://r.test/',
      device: { id: 'd4', domain: expect.any(String) },
      tls: { cert: '/etc/rm-agent/device.pem', key: '/etc/rm-agent/device.key' },
      services,
    });
    for (const url of [
      'r.test',
      'ftp://r.test',
      'https://u:p@r.test',
      'https://r.test/?a',
      'https://r.test/#a',
      '',
    ]) {
      expect(await command('device', 'add', 'd5', '--url', url)).toMatchObject({
        status: 64,
        err: expect.stringContaining('must be http://HOST[:PORT][/PATH] or https://…'),
      });
    }
    expect(await look((store) => store.devices.get('d5'))).toBeNull();
  });

  test('device add --config writes a new file that only its owner reads', async () => {
    const file = join(folder, 'rm-agent.json');
    const { out } = await command('device', 'add', 'd1', '--config', file);
    expect(out).toMatch(
      /^device d1 added\ndomain: [0-9a-f-]{36}\nconfiguration: .*rm-agent\.json, for .*\n$/,
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { password } = agentJson(readFileSync(file, 'utf8')).device;
    expect(out).not.toContain(password);
    const hash = (await look((store) => store.devices.credentials('d1')))?.password ?? '';
    expect(await matchesHash(password, hash)).toBe(true);

    // Neither the file nor the device is there when the other cannot be.
    expect(await command('device', 'add', 'd2', '--config', file)).toEqual({
      status: 1,
      out: '',
      err: `rm-reflector: --config ${file}: exists already\n`,
    });
    expect(await look((store) => store.devices.get('d2'))).toBeNull();
    const other = join(folder, 'other.json');
    expect(await command('device', 'add', 'd1', '--config', other)).toMatchObject({ status: 1 });
    expect(existsSync(other)).toBe(false);
    expect((await command('device', 'add', 'd3', '--config', join(folder, 'no', 'x'))).err).toContain(
      ': no such file or directory\n',
    );
    expect(await look((store) => store.devices.get('d3'))).toBeNull();
  });

  test('device add, list, claim, remove', async () => {
    const added = await command('device', 'add', 'Dev1', '--digest');
    expect(added.out).toMatch(/^\/\/ Device dev1 added\. Its \/etc\/rm-agent\.json, mode 600:\n\{\n/);
    expect(agentJson(added.out)).toMatchObject({
      device: {
        id: 'Dev1',
        domain: expect.stringMatching(/^[0-9a-f-]{36}$/),
        password: expect.stringMatching(/^[a-z2-9]{26}$/),
        auth: 'digest',
      },
    });
    expect((await look((store) => store.devices.get('dev1')))?.digestSha256).toMatch(/^[0-9a-f]{64}$/);
    await command('device', 'add', 'dev2', '--domain', 'd2');
    const second = await look((store) => store.devices.get('dev2'));
    expect([second?.domain, second?.digestMd5]).toEqual(['d2', null]);
    await look(async (store) => {
      await store.devices.addUnclaimed(
        { id: 'dev3', domain: 'd', password: 'hash' },
        { address: '192.0.2.9', network: '192.0.2.0/24' },
        0,
        { all: 10, ofNetwork: 10 },
      );
    });
    await look(async (store) => {
      const device = await store.devices.get('dev1');
      if (!device) throw new Error('no device');
      await store.devices.noteConnected(device, Date.UTC(2026, 0, 1), {
        address: '192.0.2.1',
        agent: 'a',
        properties: { name: 'Pump\u001b[31m', version: '1.2', serial: 'A\u202e1' },
      });
      await store.devices.addTraffic(device, 5 * 1024 * 1024, 17);
      await store.devices.noteDuplicate(device, Date.now());
      const refused = { reason: 'wrong password', address: '203.0.113.9' };
      await store.devices.noteRefused(device, Date.UTC(2026, 0, 2), refused);
    });
    const lock = DataFileLock.take(data);
    const { out } = await command('device', 'list');
    lock.release();
    const rows = out.split('\n').map((line) => line.split(/ {2,}/));
    expect(rows).toEqual([
      [
        'DEVICE',
        'STATE',
        'SINCE',
        'LAST SEEN',
        'DOMAIN',
        'VERSION',
        'NAME',
        'ADDRESS',
        'CONNECTS',
        'FROM',
        'TO',
        'LAST REFUSAL',
      ],
      [
        'dev1',
        'on line, two devices use this identity',
        '2026-01-01T00:00:00Z',
        'now',
        expect.stringMatching(/^[0-9a-f-]{36}$/),
        '1.2',
        'Pump?[31m',
        '192.0.2.1',
        '1',
        '5.0 MiB',
        '17 B',
        '2026-01-02T00:00:00Z wrong password, from 203.0.113.9',
      ],
      ['dev2', 'off line', '-', '-', 'd2', '-', '-', '-', '0', '0 B', '0 B', '-'],
      ['dev3', 'unclaimed', '1970-01-01T00:00:00Z', '-', 'd', '-', '-', '192.0.2.9', '0', '0 B', '0 B', '-'],
      [''],
    ]);
    expect((await command('device', 'list')).out).toContain('dev1    off line');
    const ids = async (...filter: string[]) => {
      const listed = await command('device', 'list', '--json', ...filter);
      return (JSON.parse(listed.out) as { id: string }[]).map(({ id }) => id);
    };
    expect(await ids()).toEqual(['dev1', 'dev2', 'dev3']);
    expect(await ids('--state', 'unclaimed')).toEqual(['dev3']);
    expect(await ids('--state', 'offline', '--domain', 'd2')).toEqual(['dev2']);
    expect(await ids('--match', 'PUMP')).toEqual(['dev1']);
    expect(await ids('--match', 'dev', '--domain', 'none')).toEqual([]);
    const shown = await command('device', 'show', 'dev1');
    expect(shown.out).toContain('lastRefusal: 2026-01-02T00:00:00Z wrong password, from 203.0.113.9\n');
    expect(shown.out).toContain('property serial: A?1\n');
    expect(shown.out).toContain('state: offline\n');
    expect(JSON.parse((await command('device', 'show', 'dev1', '--json')).out)).toMatchObject({
      id: 'dev1',
      lastRefusal: { at: '2026-01-02T00:00:00.000Z', reason: 'wrong password', address: '203.0.113.9' },
      properties: { name: 'Pump\u001b[31m', version: '1.2' },
      proof: 'password',
      duplicate: true,
    });
    expect(await command('device', 'claim', 'dev3')).toMatchObject({
      status: 64,
      err: 'rm-reflector: device claim dev3: --domain is missing; this device came with d, from 192.0.2.9\n',
    });
    expect(await command('device', 'claim', 'dev3', '--domain', 'd2')).toMatchObject({
      status: 1,
      err: expect.stringContaining('device dev3: came with the domain d, not d2'),
    });
    expect((await command('device', 'claim', 'dev3', '--domain', 'd')).status).toBe(0);
    expect((await command('device', 'claim', 'dev3')).err).toContain('no unclaimed device has this id');
    expect((await command('device', 'remove', 'dev3')).status).toBe(0);
    expect((await command('device', 'add', 'dev1')).err).toBe('rm-reflector: device dev1: exists already\n');
  });

  test('device passwd: another password, or a certificate in place of one', async () => {
    await command('device', 'add', 'dev1', '--digest');
    const before = await look((store) => store.devices.get('dev1'));
    const { out } = await command('device', 'passwd', 'Dev1');
    const password = /^password of device dev1 changed\npassword: ([a-z2-9]{26})\n$/.exec(out)?.[1] ?? '';
    const after = await look((store) => store.devices.get('dev1'));
    expect(await matchesHash(password, after?.password ?? '')).toBe(true);
    expect(after).toMatchObject({ uid: before?.uid, digestSha256: null, certificatesSince: null });
    expect(after?.fingerprint).toHaveLength(32);
    expect(
      await command('device', 'passwd', 'dev1', '--certificate', '--issued-since', '2026-01-31'),
    ).toEqual({
      status: 0,
      out: 'device dev1 proves itself by a certificate from now on\n',
      err: '',
    });
    expect(await look((store) => store.devices.get('dev1'))).toMatchObject({
      certificatesSince: Date.UTC(2026, 0, 31),
      fingerprint: null,
    });
    await command('device', 'passwd', 'dev1', '--password-file', passwordFile('s3cret'));
    expect((await look((store) => store.devices.get('dev1')))?.certificatesSince).toBeNull();
    expect(await command('device', 'passwd', 'dev9')).toMatchObject({
      status: 1,
      err: 'rm-reflector: device dev9: there is no such device\n',
    });
  });

  describe('device add --from', () => {
    function list(...lines: string[]): string {
      const file = join(folder, 'devices.txt');
      writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
      return file;
    }
    const ids = async () => {
      const all = { domains: null, claimed: true };
      const devices = await look((store) => store.devices.page(all, '', 100));
      return devices.map(({ id, domain }) => [id, domain]);
    };

    test('adds all devices of a file, each with a password of its own', async () => {
      const from = list('# the pumps', 'Pump-1', '  pump-2\tacme  # another domain', '', 'pump-3');
      const { status, out } = await command('device', 'add', '--from', from, '--domain', 'd');
      expect(status).toBe(0);
      const rows = out
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t'));
      const password = expect.stringMatching(/^[a-z2-9]{26}$/);
      expect(rows).toEqual([
        ['pump-1', 'd', password],
        ['pump-2', 'acme', password],
        ['pump-3', 'd', password],
      ]);
      expect(new Set(rows.map(([, , one]) => one)).size).toBe(3);
      const second = await look((store) => store.devices.get('pump-2'));
      expect(await matchesHash(rows[1]?.[2] ?? '', second?.password ?? '')).toBe(true);
      expect(second?.fingerprint).toHaveLength(32);
    });

    test('writes what nobody else is to see to a new file', async () => {
      const output = join(folder, 'passwords');
      const args = ['device', 'add', '--from', list('a', 'b'), '--output', output] as const;
      expect((await command(...args)).out).toBe(`2 devices added; their passwords are in ${output}\n`);
      expect(statSync(output).mode & 0o777).toBe(0o600);
      expect(readFileSync(output, 'utf8')).toMatch(/^a\t[0-9a-f-]{36}\t[a-z2-9]{26}\nb\t/);
      await command('device', 'remove', 'a');
      await command('device', 'remove', 'b');
      expect(await command(...args)).toMatchObject({
        status: 64,
        err: `rm-reflector: --output ${output}: exists already\n`,
      });
      expect(await ids()).toEqual([]);
    });

    test('adds none when one is taken, and leaves no passwords behind', async () => {
      await command('device', 'add', 'b', '--domain', 'd');
      const output = join(folder, 'passwords');
      const result = await command('device', 'add', '--from', list('a', 'b', 'c'), '--output', output);
      expect(result).toMatchObject({
        status: 1,
        out: '',
        err: expect.stringContaining('exist already: b; none was added'),
      });
      expect(await ids()).toEqual([['b', 'd']]);
      expect(() => statSync(output)).toThrow('ENOENT');
    });

    test('takes devices with certificates, which have no passwords to print', async () => {
      const { out } = await command('device', 'add', '--from', list('a'), '--domain', 'd', '--certificate');
      expect(out).toBe('a\td\n');
      expect((await look((store) => store.devices.get('a')))?.certificatesSince).not.toBeNull();
    });

    test.each([
      [['a b c'], 'line 1: must be an id, and a domain if it is another'],
      [['a', 'a.b'], 'line 2: must be an id'],
      [['a', 'A'], 'line 2: a is there twice'],
      [['a <b>'], 'line 1: the domain must be a UUID'],
      [['# none'], 'names no device'],
    ])('%j is refused with its line', async (lines, message) => {
      const result = await command('device', 'add', '--from', list(...lines));
      expect(result).toMatchObject({ status: 64, err: expect.stringContaining(message) });
      expect(await ids()).toEqual([]);
    });

    test('devicesAtOnce: takes no more than the bound', async () => {
      const store = SqliteStore.open(data);
      await expect(importDevices(store, list('a', 'b', 'c'), {}, systemClock, 2)).rejects.toThrow(
        'line 3: more than 2 devices',
      );
      await store.close();
    });
  });

  test('the last administrator is not removed or demoted by accident', async () => {
    await command('user', 'add', 'alice', '--admin');
    await command('user', 'add', 'bob');
    for (const action of ['remove', 'demote']) {
      expect(await command('user', action, 'alice')).toMatchObject({
        status: 1,
        err: expect.stringContaining('user alice: is the last administrator; make another one first'),
      });
    }
    expect((await look((store) => store.users.get('alice')))?.role).toBe('administrator');
    await command('user', 'promote', 'bob');
    expect((await command('user', 'demote', 'alice')).status).toBe(0);
    expect((await command('user', 'remove', 'alice')).status).toBe(0);
    expect((await command('user', 'remove', 'bob')).status).toBe(1);
    expect((await command('user', 'remove', 'bob', '--force')).status).toBe(0);
  });

  test.each([
    [['frobnicate'], 64, 'frobnicate: must be one of serve, device, user'],
    [['--bogus'], 64, "Unknown option '--bogus'"],
    [['user'], 64, 'user: must be followed by one of add, passwd, grant,'],
    [['device'], 64, 'device: must be followed by one of add, claim, passwd, remove, show, list'],
    [['device', 'frob'], 64, 'device frob: must be one of add, claim, passwd, remove, show, list'],
    [['--domain', '-x'], 64, "Option '--domain' argument is ambiguous; see rm-reflector --help"],
    [['user', 'add'], 64, 'user add: a name is missing'],
    [['user', 'add', 'a:b'], 64, 'a name is 1 to 64 characters without spaces and ":"'],
    [['user', 'add', 'a', 'b'], 64, 'user add: too many names'],
    [['user', 'grant', 'a', 'b', 'c'], 64, 'user grant: too many names'],
    [['user', 'add', 'a', '--remove'], 64, '--remove: not an option of user add'],
    [['user', 'list', 'a'], 64, 'user list: too many names'],
    [
      ['user', 'rename', 'a'],
      64,
      'user rename: must be one of add, passwd, grant, revoke, promote, demote, totp, logout, remove, list',
    ],
    [['user', 'remove', 'a', '--digest'], 64, '--digest: not an option of user remove'],
    [['device', 'add', 'a.b'], 64, 'an id is 1 to 63 of a-z, 0-9, - and _'],
    [['device', 'add', 'a', '--domain', 'a b'], 64, '--domain "a b": must be a UUID'],
    [['device', 'add', 'a', '--password-file', 'no-such-file'], 64, 'no-such-file'],
    [['device', 'add', 'a', '--domain', 'a\tb'], 64, '--domain "a\\tb": must be a UUID'],
    [['device', 'add', 'a', '--domain', '<b>'], 64, '--domain "<b>": must be a UUID'],
    [
      ['device', 'add', 'a', '--certificate', '--issued-since', 'May'],
      64,
      '--issued-since "May": must be a date',
    ],
    [['device', 'add', 'a', '--issued-since', '2026-01-31'], 64, '--issued-since: only with --certificate'],
    [['device', 'frob', 'a'], 64, 'device frob: must be one of add, claim, passwd, remove, show, list'],
    [['device', 'remove', 'a'], 1, 'there is no such device'],
    [['device', 'show', 'a'], 1, 'there is no such device'],
    [['device', 'list', '--state', 'on'], 64, '--state "on": must be one of online, offline, unclaimed'],
    [['device', 'add', 'a', '--output', 'f'], 64, '--output: only with --from'],
    [['device', 'add', 'a', '--from', 'f'], 64, 'an id and --from are two ways'],
    [['device', 'add', '--from', 'no-such-file'], 64, 'no-such-file'],
    [['device', 'add'], 64, 'device add: an id is missing'],
    [['user', 'add', 'a', '--force'], 64, '--force: not an option of user add'],
    [['serve', '--keep-alive', '0'], 78, '--keep-alive: "0": must be a whole number from 1 to 86400'],
    [['serve', 'extra'], 64, 'extra'],
    [['user', 'list', '--data', '.'], 74, 'data file .'],
    [['serve', '--data', '.'], 74, 'data file .: is no file'],
    [['--tls-cert', 'a', '--tls-key', 'b'], 78, 'no such file'],
  ])('%j ends with %i and one line', async (args, status, message) => {
    await look(() => null);
    const result = await command(...args);
    expect(result.status).toBe(status);
    expect(result.err).toContain(message);
    expect(result.err.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a taken port is named with the option that changes it', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await command('--listen', `127.0.0.1:${port}`)).toMatchObject({
      status: 69,
      err: `rm-reflector: 127.0.0.1:${port} is taken by another program; choose another with --listen ADDRESS:PORT\n`,
    });
    server.close();
  });

  test('--help and --version', async () => {
    expect((await command('--version')).out).toMatch(/^rm-reflector \d+\.\d+\.\d+\n$/);
    const { out } = await command('device', 'add', '--help');
    for (const text of ['--listen ADDRESS:PORT', 'device claim', 'Exit status']) expect(out).toContain(text);
  });
});

function fromBase32(text: string): Buffer {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...text].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
