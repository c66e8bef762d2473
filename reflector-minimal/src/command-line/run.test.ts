import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stepAt, totpCode } from '../one-time-password/totp.ts';
import { matchesHash } from '../passwords/scrypt.ts';
import { DataFileLock } from '../store/data-file-lock.ts';
import { Store } from '../store/store.ts';
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
      print: (text) => {
        out += text;
      },
      complain: (text) => {
        err += text;
      },
      ask: async (question) => {
        out += question;
        return answers.shift()?.(out) ?? null;
      },
    });
    return { status, out, err };
  }

  function look<T>(read: (store: Store) => T): T {
    const store = Store.open(data);
    try {
      return read(store);
    } finally {
      store.close();
    }
  }

  function passwordFile(password: string): string {
    const file = join(folder, 'password');
    writeFileSync(file, password);
    chmodSync(file, 0o600);
    return file;
  }

  test('--cookie-host and a device that it would hide exclude each other, in one line', async () => {
    await command('device', 'add', 'view');
    const hosts = ['--listen', '127.0.0.1:0', '--domain', 'r.test', '--cookie-host', 'view.r.test'];
    expect(await command(...hosts)).toEqual({
      status: 78,
      out: '',
      err: 'rm-reflector: --cookie-host: "view.r.test": is a host name of the device view; choose another name, or remove the device\n',
    });
    await command('device', 'remove', 'view');
    look((store) => store.setTakenLabel('view'));
    for (const action of ['add', 'claim']) {
      expect(await command('device', action, 'view')).toEqual({
        status: 1,
        out: '',
        err: 'rm-reflector: device view: its host name is the --cookie-host of the reflector; choose another for one of them\n',
      });
    }
    expect(await command('device', 'add', 'view2')).toMatchObject({ status: 0 });
  });

  test('what a command has changed is recorded where the reflector records', async () => {
    const audit = join(folder, 'audit.log');
    await command('user', 'add', 'alice');
    look((store) => store.setAuditFile(audit));
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
    look((store) => store.setAuditFile(join(folder, 'none', 'audit.log')));
    const unrecorded = await command('user', 'remove', 'alice');
    expect([unrecorded.status, look((store) => store.users.get('alice'))]).toEqual([0, null]);
    expect(unrecorded.err).toMatch(/^rm-reflector: done, but not recorded: .*ENOENT.*\n$/);
  });

  test('user add, passwd, list, remove', async () => {
    const added = await command('user', 'add', 'alice', '--admin');
    expect(added.out).toMatch(/^administrator alice added\npassword: [a-z2-9]{26}\n$/);
    const password = added.out.split('password: ')[1]?.trim() ?? '';
    const stored = () => look((store) => store.users.get('alice')?.password ?? '');
    expect(await matchesHash(password, stored())).toBe(true);
    const file = passwordFile('my own password\nsecond line');
    const changed = await command('user', 'passwd', 'alice', '--password-file', file);
    expect(changed.out).toBe('password of alice changed\n');
    expect(await matchesHash('my own password', stored())).toBe(true);
    const bob = await command('user', 'add', 'bob', '--password-file', file);
    expect(bob.out).toBe('user bob added\nit sees no device yet: rm-reflector user grant bob DOMAIN\n');
    expect((await command('user', 'list')).out).toBe(
      'alice  administrator  every device\nbob  user  no device\n',
    );
    expect((await command('user', 'remove', 'alice')).status).toBe(0);
    expect(await command('user', 'remove', 'alice')).toEqual({
      status: 1,
      out: '',
      err: 'rm-reflector: user alice: there is no such user\n',
    });
  });

  test('a password that is short, common or the name is refused in one line, and changes nothing', async () => {
    await command('user', 'add', 'alice');
    const before = look((store) => store.users.get('alice')?.password);
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
    expect(look((store) => [store.users.get('alice')?.password, store.users.get('bob')])).toEqual([
      before,
      null,
    ]);
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
    expect((await command('user', 'demote', 'bob')).out).toBe(
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
    expect(out).toContain('That is not the code of this moment');
    expect(out.match(/^ {2}(?:[a-z2-9]{4}-){3}[a-z2-9]{4}$/gm)).toHaveLength(10);
    expect((await command('user', 'list')).out).toBe('alice  user  no device  one-time passwords\n');
    expect((await command('user', 'totp', 'alice', '--remove')).status).toBe(0);
    expect((await command('user', 'totp', 'alice', '--remove')).err).toContain('has no one-time passwords');
    answers = [() => '1', () => '2', () => '3', right];
    expect(await command('user', 'totp', 'alice')).toMatchObject({
      status: 1,
      err: 'rm-reflector: user alice: no right code; nothing was changed\n',
    });
    answers = [];
    expect((await command('user', 'totp', 'alice')).status).toBe(1);
    expect(look((store) => store.users.get('alice')?.totpSecret)).toBeNull();
  });

  test('device add, list, claim, remove', async () => {
    const added = await command('device', 'add', 'Dev1', '--digest');
    expect(added.out).toMatch(/^device dev1 added\ndomain: [0-9a-f-]{36}\npassword: [a-z2-9]{26}\n$/);
    expect(look((store) => store.devices.get('dev1'))?.digestSha256).toMatch(/^[0-9a-f]{64}$/);
    await command('device', 'add', 'dev2', '--domain', 'd2');
    const second = look((store) => store.devices.get('dev2'));
    expect([second?.domain, second?.digestMd5]).toEqual(['d2', null]);
    look((store) => {
      store.devices.addUnclaimed('dev3', 'd', { password: 'hash', address: '192.0.2.9' }, 0, 10);
    });
    look((store) => {
      const device = store.devices.get('dev1');
      if (!device) throw new Error('no device');
      store.devices.noteConnected(device, Date.UTC(2026, 0, 1), {
        address: '192.0.2.1',
        agent: 'a',
        properties: { name: 'Pump\u001b[31m' },
      });
      store.devices.addTraffic(device, 5 * 1024 * 1024, 17);
      store.devices.noteDuplicate(device, Date.now());
    });
    const lock = DataFileLock.take(data);
    const { out } = await command('device', 'list');
    lock.release();
    expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['DEVICE', 'STATE', 'NAME', 'ADDRESS', 'LAST CONNECT', 'CONNECTS', 'FROM', 'TO'],
      [
        'dev1',
        'on line, two devices use this identity',
        'Pump?[31m',
        '192.0.2.1',
        '2026-01-01T00:00:00.000Z',
        '1',
        '5.0 MiB',
        '17 B',
      ],
      ['dev2', 'off line', '-', '-', '-', '0', '0 B', '0 B'],
      ['dev3', 'unclaimed', '-', '192.0.2.9', '-', '0', '0 B', '0 B'],
      [''],
    ]);
    expect((await command('device', 'list')).out).toContain('dev1    off line');
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

  test.each([
    [['frobnicate'], 64, 'frobnicate: must be one of serve, device, user'],
    [['--bogus'], 64, "Unknown option '--bogus'"],
    [['user'], 64, 'user: must be followed by one of add, passwd, grant,'],
    [['device'], 64, 'device: must be followed by one of add, claim, remove, list'],
    [['device', 'frob'], 64, 'device frob: must be one of add, claim, remove, list'],
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
    [['device', 'frob', 'a'], 64, 'device frob: must be one of add, claim, remove, list'],
    [['device', 'remove', 'a'], 1, 'there is no such device'],
    [['serve', '--keep-alive', '0'], 78, '--keep-alive: "0": must be a whole number from 1 to 86400'],
    [['serve', 'extra'], 64, 'extra'],
    [['user', 'list', '--data', '.'], 74, 'data file .'],
    [['--tls-cert', 'a', '--tls-key', 'b'], 78, 'no such file'],
  ])('%j ends with %i and one line', async (args, status, message) => {
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
