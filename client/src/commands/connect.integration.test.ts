import { createHash, randomBytes } from 'node:crypto';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ports, Stage, user } from '../testing/stage.ts';

/** The commands against a reflector with a device behind it. */

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage.close());

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('rm-client connect', () => {
  test('carries 8 MiB of any bytes there and back, and ends with 0', async () => {
    const command = stage.loggedIn;
    const content = randomBytes(8 << 20);
    const received = buffer(command.stdout);
    command.stdin.end(content);
    expect(await command.run('connect', `pump-7:${ports.echo}`)).toEqual({ status: 0, out: '', err: '' });
    expect(sha256(await received)).toBe(sha256(content));
  });

  test('with a kind, the port that the device advertises stands in for the standard one', async () => {
    const command = stage.loggedIn;
    const received = text(command.stdout);
    command.stdin.end();
    expect(await command.run('connect', '--kind', 'ssh', 'pump-7:22')).toMatchObject({ status: 0, err: '' });
    expect(await received).toBe('SSH-2.0-test\r\n');
    for (const args of [['pump-7:22'], ['--kind', 'ssh', 'pump-7:23'], ['--kind', 'rdp', 'pump-7:3389']]) {
      const { status, err } = await stage.loggedIn.run('connect', ...args);
      expect([status, err]).toEqual([1, expect.stringMatching(/does not forward port \d+\n$/)]);
    }
  });

  test('the end of standard input half-closes: the answer still comes', async () => {
    const command = stage.loggedIn;
    const answer = text(command.stdout);
    command.stdin.end('a request');
    expect((await command.run('connect', `PUMP-7:${ports.digest}`)).status).toBe(0);
    expect(await answer).toBe(sha256(Buffer.from('a request')));
  });

  test("the end of the device's stream reaches standard output while input goes on", async () => {
    const command = stage.loggedIn;
    const ended = command.run('connect', `pump-7:${ports.idle}`);
    const before = stage.streams.length;
    while (stage.streams.length === before) await new Promise(setImmediate);
    const stream = stage.streams.at(-1);
    const received = text(stream as NodeJS.ReadableStream);
    stream?.end('all of it');
    expect(await text(command.stdout)).toBe('all of it');
    command.stdin.end('and later words');
    expect((await ended).status).toBe(0);
    expect(await received).toBe('and later words');
  });

  test('a connection that breaks on the device ends with 1 and a line', async () => {
    const command = stage.loggedIn;
    command.stdin.write('x');
    expect(await command.run('connect', `pump-7:${ports.breaking}`)).toEqual({
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
    const command = stage.command({ RM_USER: user, RM_PASSWORD: 'guess' });
    const { status, err } = await command.run('connect', 'pump-7:7');
    expect([status, err]).toEqual([
      1,
      `rm-client: localhost:${stage.reflector.port}: wrong password, or no user alice\n`,
    ]);
  });
});
