import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loginFilePath } from '../account/login-file.ts';
import { defaultLimits } from '../limits.ts';
import { TestServer } from '../testing/server.ts';
import { password, ports, Stage, user } from '../testing/stage.ts';
import type { TestCommand } from '../testing/test-command.ts';

/** The commands against a reflector with a device behind it. */

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage.close());

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('rm-client forward', () => {
  async function forward(
    command: TestCommand,
    ...args: string[]
  ): Promise<{ port: number; ended: Promise<unknown> }> {
    const printed = new Promise<void>((resolve) => {
      command.onPrint = resolve;
    });
    const ended = command.run('forward', ...args);
    await Promise.race([printed, ended]);
    return { port: Number(/^127\.0\.0\.1:(\d+) leads/.exec(command.out)?.[1]), ended };
  }

  test('leads each of several connections to the device, until it is stopped', async () => {
    const command = stage.loggedIn;
    const { port, ended } = await forward(command, 'pump-7', '-R', String(ports.echo), '-L', '0');
    const contents = [1, 2, 3].map(() => randomBytes(1 << 20));
    const echoes = await Promise.all(
      contents.map((content) => {
        const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
        socket.end(content);
        return buffer(socket);
      }),
    );
    expect(echoes.map(sha256)).toEqual(contents.map(sha256));
    command.stop();
    expect(await ended).toMatchObject({ status: 0, err: '' });
    const [error] = await once(connect(port, '127.0.0.1'), 'error');
    expect((error as NodeJS.ErrnoException).code).toBe('ECONNREFUSED');
  });

  test('tells why a connection fails, resets it, and goes on', async () => {
    const command = stage.loggedIn;
    const { port, ended } = await forward(command, 'pump-7', '-R', '1');
    for (const _ of [1, 2]) {
      const [error] = await once(connect(port, '127.0.0.1').resume(), 'error');
      expect((error as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    }
    const line = 'rm-client: pump-7 port 1: Nothing answers on port 1 of the device\n';
    command.stop();
    expect(await ended).toMatchObject({ status: 0, err: line + line });
  });

  test('a log-in counts for the next connection, while it runs', async () => {
    const account = stage.command();
    const logIn = async () => {
      account.answers = [user, password];
      expect((await account.run('login')).status).toBe(0);
    };
    await logIn();
    const command = stage.command();
    const { port, ended } = await forward(command, 'pump-7', '-R', String(ports.echo));
    // As after its end, or a log-out elsewhere.
    const file = loginFilePath(command.environment);
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"token": "[^"]*"/, '"token": "revoked"'));
    await once(connect(port, '127.0.0.1').resume(), 'error');
    expect(command.err).toMatch(
      /^rm-client: .*the token of alice is not accepted any more: rm-client login\n$/,
    );
    await logIn();
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.end('hi');
    expect(await text(socket)).toBe('hi');
    await account.run('logout');
    await once(connect(port, '127.0.0.1').resume(), 'error');
    expect(command.err).toContain('not logged in: rm-client login');
    command.stop();
    await ended;
    expect(command.questions).toEqual([]);
  });

  test('after a log-out, or a log-in of another user, it says whose log-in it lacks', async () => {
    const account = stage.command();
    account.answers = [user, password];
    expect((await account.run('login')).status).toBe(0);
    const command = stage.command({ RM_USER: user });
    const { port, ended } = await forward(command, 'pump-7', '-R', String(ports.echo));
    const file = loginFilePath(command.environment);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"user": "alice"', '"user": "bob"'));
    await once(connect(port, '127.0.0.1').resume(), 'error');
    await account.run('logout');
    await once(connect(port, '127.0.0.1').resume(), 'error');
    expect(command.err.replaceAll(/localhost:\d+/g, 'localhost')).toBe(
      'rm-client: http://localhost: no valid log-in of alice: rm-client login\n'.repeat(2),
    );
    command.stop();
    await ended;
    expect(command.questions).toEqual([]);
  });

  test('a password that was typed in is kept', async () => {
    const command = stage.command({ RM_USER: user });
    command.answers = [password];
    const { port, ended } = await forward(command, 'pump-7', '-R', String(ports.echo));
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.end('hi');
    expect(await text(socket)).toBe('hi');
    command.stop();
    expect(await ended).toMatchObject({ status: 0, err: '' });
    expect(command.questions).toEqual(['Password of alice: ']);
  });

  test('a device that does not exist is said at once', async () => {
    const { status, out, err } = await stage.loggedIn.run('forward', 'pump-77', '-R', '22');
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(/^rm-client: localhost:\d+: There is no device "pump-77"\n$/);
  });

  test.each([
    ['pump-8', 'the device "pump-8" is off line at the moment'],
    ['pump-7', 'the device "pump-7" does not forward port 99 at the moment'],
  ])('%s: what would fail now is said, and the forward waits for it', async (device, line) => {
    const command = stage.loggedIn;
    const { ended } = await forward(command, device, '-R', '99');
    command.stop();
    expect(await ended).toMatchObject({ status: 0, err: `rm-client: ${line}\n` });
  });

  test('a connection that breaks on the device is reset', async () => {
    const command = stage.loggedIn;
    const { port, ended } = await forward(command, 'pump-7', '-R', String(ports.breaking));
    const socket = connect(port, '127.0.0.1');
    socket.write('x');
    const [error] = await once(socket, 'error');
    expect((error as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    command.stop();
    await ended;
  });

  test('a local program that breaks off frees the device', async () => {
    const command = stage.loggedIn;
    const before = stage.streams.length;
    const { port, ended } = await forward(command, 'pump-7', '-R', String(ports.idle));
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    while (stage.streams.length === before) await new Promise(setImmediate);
    const closed = once(stage.streams.at(-1)?.resume() as NodeJS.EventEmitter, 'close');
    socket.resetAndDestroy();
    await closed;
    command.stop();
    expect(await ended).toMatchObject({ err: '' });
  });

  test('takes no more connections at once than its bound', async () => {
    const command = stage.loggedIn;
    command.limits = { ...defaultLimits, connections: 2 };
    const { port, ended } = await forward(command, 'pump-7', '-R', String(ports.echo));
    const sockets = [1, 2].map(() => connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
    for (const socket of sockets) {
      socket.write('x');
      await once(socket, 'data');
    }
    await once(
      connect(port, '127.0.0.1').on('error', () => {}),
      'close',
    );
    expect(command.err).toBe('rm-client: more than 2 connections at once: one was refused\n');
    // The others are not disturbed.
    for (const socket of sockets) {
      socket.end('y');
      expect(await text(socket)).toBe('y');
    }
    command.stop();
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

  test('listens where -b says, and warns when others can use it', async () => {
    const command = stage.loggedIn;
    const printed = new Promise<void>((resolve) => {
      command.onPrint = resolve;
    });
    const ended = command.run('forward', 'pump-7', '-R', String(ports.echo), '-b', '0.0.0.0');
    await printed;
    const [, port] = /^0\.0\.0\.0:(\d+) leads/.exec(command.out) ?? [];
    const socket = connect({ port: Number(port), host: '127.0.0.2', allowHalfOpen: true });
    socket.end('hi');
    expect(await text(socket)).toBe('hi');
    command.stop();
    expect(await ended).toMatchObject({
      status: 0,
      err: `rm-client: WARNING: whoever reaches 0.0.0.0 reaches port ${ports.echo} of pump-7\n`,
    });
  });

  test('opens all of a file, for the time of a command, and ends with its status', async () => {
    const file = join(stage.folder, 'forwards');
    writeFileSync(file, `# two\npump-7 -R ${ports.echo}\npump-7 -R ${ports.idle} -b 127.0.0.3\n`);
    const script = `require('net').connect(%p).end('abc').on('data', (d) => process.exit(String(d) === 'abc' && %2p > 0 ? 7 : 1))`;
    const quoted = `"${process.execPath}" -e "${script}"`;
    const { status, out, err } = await stage.loggedIn.run('forward', '-f', file, '-C', quoted);
    expect([status, err]).toEqual([7, '']);
    expect(out).toMatch(
      /^127\.0\.0\.1:\d+ leads to port \d+ of pump-7\n127\.0\.0\.3:\d+ leads to port \d+ of pump-7\n$/,
    );
  });

  test.each([
    [['-f', '/nonexistent'], 64, '/nonexistent: no such file'],
    [['pump-7', '-f', '/nonexistent'], 64, 'forward: with -f, the devices and ports stand in the file'],
    [['pump-7', '-R', '7', '-b', 'x'], 64, '-b x: must be an IP address of this machine'],
    [['pump-7', '-R', '7', '-b', '192.0.2.1'], 1, '192.0.2.1 port 0: '],
  ])('%j: one line', async (args, status, line) => {
    const outcome = await stage.loggedIn.run('forward', ...args);
    expect([outcome.status, outcome.out]).toEqual([status, '']);
    expect(outcome.err).toContain(`rm-client: ${line}`);
  });
});
