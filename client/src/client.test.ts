import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { hashPassword, recoveryHash } from 'rm-reflector';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultLimits } from './limits.ts';
import { TestServer } from './testing/server.ts';
import { password, ports, Stage, user } from './testing/stage.ts';
import type { TestWorld } from './testing/test-world.ts';

/** The commands against a reflector with a real agent behind it. */

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage.close());

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('rm-client connect', () => {
  test('carries 8 MiB of any bytes there and back, and ends with 0', async () => {
    const world = stage.loggedIn;
    const content = randomBytes(8 << 20);
    const received = buffer(world.stdout);
    world.stdin.end(content);
    expect(await world.run('connect', `pump-7:${ports.echo}`)).toEqual({ status: 0, out: '', err: '' });
    expect(sha256(await received)).toBe(sha256(content));
  });

  test('the end of standard input half-closes: the answer still comes', async () => {
    const world = stage.loggedIn;
    const answer = text(world.stdout);
    world.stdin.end('a request');
    expect((await world.run('connect', `PUMP-7:${ports.digest}`)).status).toBe(0);
    expect(await answer).toBe(sha256(Buffer.from('a request')));
  });

  test("the end of the device's stream reaches standard output while input goes on", async () => {
    const world = stage.loggedIn;
    const ended = world.run('connect', `pump-7:${ports.idle}`);
    const before = stage.streams.length;
    while (stage.streams.length === before) await new Promise(setImmediate);
    const stream = stage.streams.at(-1);
    const received = text(stream as NodeJS.ReadableStream);
    stream?.end('all of it');
    expect(await text(world.stdout)).toBe('all of it');
    world.stdin.end('and later words');
    expect((await ended).status).toBe(0);
    expect(await received).toBe('and later words');
  });

  test('a connection that breaks on the device ends with 1 and a line', async () => {
    const world = stage.loggedIn;
    world.stdin.write('x');
    expect(await world.run('connect', `pump-7:${ports.breaking}`)).toEqual({
      status: 1,
      out: '',
      err: `rm-client: pump-7 port ${ports.breaking}: the connection on the device broke\n`,
    });
  });

  test.each([
    ['pump-7:2', 'pump-7 port 2: The device does not forward port 2'],
    ['pump-7:1', 'pump-7 port 1: Nothing answers on port 1 of the device'],
    ['pump-8:22', 'pump-8 port 22: The device "pump-8" is off line'],
    ['pump-9:22', 'pump-9 port 22: There is no device "pump-9"'],
  ])('%s: one line, and 1', async (target, line) => {
    expect(await stage.loggedIn.run('connect', target)).toEqual({
      status: 1,
      out: '',
      err: `rm-client: ${line}\n`,
    });
  });

  test('a wrong password: one line, and 1', async () => {
    const world = stage.world({ RM_USER: user, RM_PASSWORD: 'guess' });
    const { status, err } = await world.run('connect', 'pump-7:7');
    expect([status, err]).toEqual([
      1,
      `rm-client: localhost:${stage.reflector.port}: wrong password, or no user alice\n`,
    ]);
  });
});

describe('rm-client forward', () => {
  async function forward(
    world: TestWorld,
    ...args: string[]
  ): Promise<{ port: number; ended: Promise<unknown> }> {
    const printed = new Promise<void>((resolve) => {
      world.onPrint = resolve;
    });
    const ended = world.run('forward', ...args);
    await Promise.race([printed, ended]);
    return { port: Number(/^127\.0\.0\.1:(\d+) leads/.exec(world.out)?.[1]), ended };
  }

  test('leads each of several connections to the device, until it is stopped', async () => {
    const world = stage.loggedIn;
    const { port, ended } = await forward(world, 'pump-7', '-R', String(ports.echo), '-L', '0');
    const contents = [1, 2, 3].map(() => randomBytes(1 << 20));
    const echoes = await Promise.all(
      contents.map((content) => {
        const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
        socket.end(content);
        return buffer(socket);
      }),
    );
    expect(echoes.map(sha256)).toEqual(contents.map(sha256));
    world.stop();
    expect(await ended).toMatchObject({ status: 0, err: '' });
    const [error] = await once(connect(port, '127.0.0.1'), 'error');
    expect((error as NodeJS.ErrnoException).code).toBe('ECONNREFUSED');
  });

  test('tells why a connection fails, resets it, and goes on', async () => {
    const world = stage.loggedIn;
    const { port, ended } = await forward(world, 'pump-7', '-R', '1');
    for (const _ of [1, 2]) {
      const [error] = await once(connect(port, '127.0.0.1').resume(), 'error');
      expect((error as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    }
    const line = 'rm-client: pump-7 port 1: Nothing answers on port 1 of the device\n';
    world.stop();
    expect(await ended).toMatchObject({ status: 0, err: line + line });
  });

  test('a connection that breaks on the device is reset', async () => {
    const world = stage.loggedIn;
    const { port, ended } = await forward(world, 'pump-7', '-R', String(ports.breaking));
    const socket = connect(port, '127.0.0.1');
    socket.write('x');
    const [error] = await once(socket, 'error');
    expect((error as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    world.stop();
    await ended;
  });

  test('a local program that breaks off frees the device', async () => {
    const world = stage.loggedIn;
    const before = stage.streams.length;
    const { port, ended } = await forward(world, 'pump-7', '-R', String(ports.idle));
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    while (stage.streams.length === before) await new Promise(setImmediate);
    const closed = once(stage.streams.at(-1) as NodeJS.EventEmitter, 'close');
    socket.resetAndDestroy();
    await closed;
    world.stop();
    expect(await ended).toMatchObject({ err: '' });
  });

  test('takes no more connections at once than its bound', async () => {
    const world = stage.loggedIn;
    world.limits = { ...defaultLimits, connections: 2 };
    const { port, ended } = await forward(world, 'pump-7', '-R', String(ports.echo));
    const sockets = [1, 2].map(() => connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
    for (const socket of sockets) {
      socket.write('x');
      await once(socket, 'data');
    }
    await once(
      connect(port, '127.0.0.1').on('error', () => {}),
      'close',
    );
    expect(world.err).toBe('rm-client: more than 2 connections at once: one was refused\n');
    // The others are not disturbed.
    for (const socket of sockets) {
      socket.end('y');
      expect(await text(socket)).toBe('y');
    }
    world.stop();
    await ended;
  });

  test('a port that is taken: one line, and 1', async () => {
    const taken = await TestServer.open(() => {});
    const { status, err } = await stage.loggedIn.run(
      'forward',
      'pump-7',
      '-R',
      '7',
      '-L',
      String(taken.port),
    );
    expect([status, err]).toEqual([1, `rm-client: 127.0.0.1 port ${taken.port}: the port is taken\n`]);
    await taken.close();
  });
});

describe('rm-client login, devices and logout', () => {
  test('a token stands in for the password until logout', async () => {
    const world = stage.world();
    world.answers = [user, password];
    const file = join(stage.folder, 'rm-client/login.json');
    const { status, out } = await world.run('login');
    expect(status).toBe(0);
    expect(out).toMatch(
      /^Logged in at http:\/\/localhost:\d+ as alice until \d{4}-\d\d-\d\d \d\d:\d\d UTC; the token is in /,
    );
    expect(world.questions).toEqual(['User: ', 'Password of alice: ']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(stage.folder, 'rm-client')).mode & 0o777).toBe(0o700);
    expect(readFileSync(file, 'utf8')).not.toContain(password);

    // The reflector of the last log-in, its user and token: nothing else has to be said.
    const later = stage.world();
    delete later.environment.RM_REFLECTOR;
    const listed = await later.run('devices');
    expect(listed.err).toBe('');
    expect(listed.out).toBe(
      [
        'DEVICE  STATE       PORTS        NAME    VERSION',
        'pump-7  on line     7,13,9,11,1  Pump 7  1.4',
        'pump-8  never seen  -            -       -',
        '',
      ].join('\n'),
    );
    const json = await later.run('devices', '--json');
    expect(JSON.parse(json.out)).toHaveLength(2);

    const expired = stage.world();
    expired.now += 9 * 3600_000;
    expect((await expired.run('devices')).err).toMatch(/the token of alice has expired: rm-client login\n$/);

    expect(await later.run('logout')).toMatchObject({
      status: 0,
      out: `Logged out at ${stage.reflector.url}\n`,
    });
    expect(existsSync(file)).toBe(false);
    expect((await stage.world().run('logout')).out).toBe(`Not logged in at ${stage.reflector.url}\n`);
    const without = await stage.world().run('devices');
    expect([without.status, without.err]).toEqual([
      1,
      `rm-client: ${stage.reflector.url}: not logged in: rm-client login, or RM_USER and RM_PASSWORD\n`,
    ]);
  });

  test('a token that is no longer accepted says so', async () => {
    const { store } = stage.reflector;
    store.users.add('bob', await hashPassword('builder'), 0, 'administrator');
    const world = stage.world({ RM_USER: 'bob', RM_PASSWORD: 'builder' });
    await world.run('login');
    store.users.setPassword('bob', await hashPassword('another'));
    const { status, err } = await stage.world().run('connect', 'pump-7:7');
    expect([status, err]).toEqual([
      1,
      `rm-client: localhost:${stage.reflector.port}: the token of bob is not accepted any more: rm-client login\n`,
    ]);
    await world.run('logout');
  });

  test('logout makes the token void at the reflector too, and says when it could not', async () => {
    const world = stage.world({ RM_USER: user, RM_PASSWORD: password });
    await world.run('login');
    const file = join(stage.folder, 'rm-client/login.json');
    const kept = readFileSync(file);
    expect((await stage.world().run('logout')).status).toBe(0);
    writeFileSync(file, kept, { mode: 0o600 });
    expect((await stage.world().run('devices')).err).toMatch(/the token of alice is not accepted any more/);
    // Void already: there is nothing left to say.
    expect(await stage.world().run('logout')).toMatchObject({ status: 0, err: '' });
    writeFileSync(file, kept, { mode: 0o600 });
    const cutOff = stage.world({ http_proxy: 'http://127.0.0.1:1' });
    const { status, out, err } = await cutOff.run('logout');
    expect([status, out]).toEqual([1, `Logged out at ${stage.reflector.url}\n`]);
    expect(err).toMatch(/the token is forgotten here; at the reflector it is good until \d{4}-/);
    expect(existsSync(file)).toBe(false);
  });

  test('one-time passwords are asked for at login, and a password alone is told to be too little', async () => {
    const { store } = stage.reflector;
    store.users.add('carol', await hashPassword('carol’s own'), 0, 'administrator');
    // The secret of RFC 6238 appendix B.
    store.users.setTotp('carol', Buffer.from('12345678901234567890'), 0, [
      recoveryHash('abcd-efgh-jkmn-pqrs'),
    ]);
    const environment = { RM_USER: 'carol', RM_PASSWORD: 'carol’s own' };
    const line = `rm-client: localhost:${stage.reflector.port}: this account needs a one-time password: rm-client login\n`;
    expect((await stage.world(environment).run('devices')).err).toBe(line);
    expect((await stage.world(environment).run('connect', 'pump-7:7')).err).toBe(line);
    const wrong = stage.world(environment);
    wrong.answers = ['123456'];
    expect((await wrong.run('login')).err).toContain('wrong user name, password or one-time password');
    const world = stage.world(environment);
    world.answers = ['abcd-efgh-jkmn-pqrs'];
    expect((await world.run('login')).status).toBe(0);
    expect((await stage.world().run('devices')).status).toBe(0);
    await stage.world().run('logout');
  });

  test('a wrong password gives no token', async () => {
    const { status, err } = await stage.world({ RM_USER: user, RM_PASSWORD: 'guess' }).run('login');
    expect([status, err]).toEqual([
      1,
      `rm-client: localhost:${stage.reflector.port}: wrong user name or password\n`,
    ]);
    expect(existsSync(join(stage.folder, 'rm-client/login.json'))).toBe(false);
  });
});

describe('through an HTTP proxy', () => {
  /** Answers CONNECT when the credentials are those it wants. */
  function proxy(authorization: string | null): Promise<TestServer> {
    return TestServer.open((socket: Socket) => {
      socket.once('data', (head) => {
        const [, host, port] = /^CONNECT ([^ :]+):(\d+) HTTP\/1\.1\r\n/.exec(head.toString()) ?? [];
        const given = /^Proxy-Authorization: (.*)$/im.exec(head.toString())?.[1]?.trim() ?? null;
        if (given !== authorization) {
          socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
          return;
        }
        const onward = connect({
          host: host === 'localhost' ? '127.0.0.1' : String(host),
          port: Number(port),
        });
        onward.on('error', () => socket.destroy());
        onward.once('connect', () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
        socket.pipe(onward).pipe(socket);
      });
    });
  }

  test('of the option or the variable', async () => {
    const server = await proxy(null);
    for (const [environment, option] of [
      [{}, ['--proxy', `http://127.0.0.1:${server.port}`]],
      [{ http_proxy: `http://127.0.0.1:${server.port}` }, []],
    ] as const) {
      const world = stage.world({ RM_USER: user, RM_PASSWORD: password, ...environment });
      const answer = text(world.stdout);
      world.stdin.end('over the proxy');
      expect(await world.run('connect', ...option, `pump-7:${ports.echo}`)).toMatchObject({
        status: 0,
        err: '',
      });
      expect(await answer).toBe('over the proxy');
    }
    expect(server.sockets).toHaveLength(2);
    const world = stage.world({
      RM_USER: user,
      RM_PASSWORD: password,
      http_proxy: 'http://127.0.0.1:1',
      no_proxy: 'localhost',
    });
    world.stdin.end();
    expect(await world.run('connect', 'pump-7:7')).toMatchObject({ status: 0, err: '' });
    await server.close();
  });

  test('with a password, which is never repeated', async () => {
    const server = await proxy(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
    const through = (credentials: string) =>
      stage.world({
        RM_USER: user,
        RM_PASSWORD: password,
        http_proxy: `http://${credentials}127.0.0.1:${server.port}`,
      });
    expect(await through('me:p%40ss@').run('devices')).toMatchObject({ status: 0, err: '' });
    const line = `rm-client: proxy 127.0.0.1:${server.port} answered 407 Proxy Authentication Required`;
    expect((await through('').run('devices')).err).toBe(`${line}: it wants a password\n`);
    expect((await through('me:no@').run('devices')).err).toBe(`${line}: wrong user or password\n`);
    await server.close();
  });
});

describe('rm-client ssh and its like', () => {
  /** A program that writes down how it was called. */
  function program(status: number): { readonly file: string; calls(): string[] } {
    const file = join(stage.folder, `program-${status}`);
    writeFileSync(file, `#!/bin/sh\nprintf '%s\\n' "$@" > '${file}.calls'\nexit ${status}\n`, {
      mode: 0o755,
    });
    return { file, calls: () => readFileSync(`${file}.calls`, 'utf8').trimEnd().split('\n') };
  }

  test('arguments pass through, and the status comes back', async () => {
    const { file, calls } = program(7);
    const world = stage.loggedIn;
    const proxyCommand = (port: number) =>
      `ProxyCommand='node' 'main.js' 'connect' '--reflector' '${stage.reflector.url}' 'pump-7:${port}'`;
    const run = (...args: string[]) => world.run(...args);
    expect((await run('ssh', '--program', file, 'root@Pump-7', '-v', 'uname', '-a')).status).toBe(7);
    expect(calls()).toEqual([
      '-o',
      proxyCommand(22),
      '-o',
      'HostKeyAlias=pump-7',
      'root@pump-7',
      '-v',
      'uname',
      '-a',
    ]);
    await run('scp', '-R', '2222', '--program', file, 'root@pump-7', '-r', 'here', ':/there');
    expect(calls()).toEqual([
      '-o',
      proxyCommand(2222),
      '-o',
      'HostKeyAlias=pump-7',
      '-r',
      'here',
      'root@pump-7:/there',
    ]);
    await run('sftp', '--program', file, 'pump-7', '-b', 'batch');
    expect(calls().slice(4)).toEqual(['-b', 'batch', 'pump-7']);
  });

  test('vnc and rdp get a port of this machine', async () => {
    const { file, calls } = program(0);
    const world = stage.loggedIn;
    expect((await world.run('vnc', '--program', file, 'pump-7', '-Shared')).status).toBe(0);
    expect(calls().join(' ')).toMatch(/^-Shared 127\.0\.0\.1::\d+$/);
    expect((await world.run('rdp', '--program', file, 'pump-7', '/u:me')).status).toBe(0);
    expect(calls().join(' ')).toMatch(/^\/v:127\.0\.0\.1:\d+ \/u:me$/);
  });

  test('a program that is not installed: one line, and 127', async () => {
    const world = stage.loggedIn;
    world.environment.PATH = stage.folder;
    expect(await world.run('vnc', 'pump-7')).toEqual({
      status: 127,
      out: '',
      err: 'rm-client: vnc: not installed: install a VNC viewer, such as TigerVNC, or name another with --program\n',
    });
  });
});
