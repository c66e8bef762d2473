import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Stage } from '../testing/stage.ts';

/** The commands against a reflector with a device behind it. */

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage.close());

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
    const command = stage.loggedIn;
    const proxyCommand = `ProxyCommand='node' 'main.js' 'connect' '--kind=ssh' '--reflector' '${stage.reflector.url}' 'pump-7:%p'`;
    const run = (...args: string[]) => command.run(...args);
    expect((await run('ssh', '--program', file, 'root@Pump-7', '-v', 'uname', '-a')).status).toBe(7);
    expect(calls()).toEqual([
      '-o',
      proxyCommand,
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
      proxyCommand,
      '-o',
      'HostKeyAlias=pump-7',
      '-o',
      'Port=2222',
      '-r',
      'here',
      'root@pump-7:/there',
    ]);
    await run('sftp', '--program', file, 'pump-7', '-b', 'batch');
    expect(calls().slice(4)).toEqual(['-b', 'batch', 'pump-7']);
  });

  test.each([
    ['ssh', ['-p', '2222', '-vp22', 'pump-7', '-v', 'id'], ['-p', '2222', '-vp22', 'pump-7', '-v', 'id']],
    ['ssh', ['-vp', '2222', '--', 'pump-7', '-p', '1'], ['-vp', '2222', 'pump-7', '-p', '1']],
    ['ssh', ['-R', '8000:localhost:80', 'pump-7'], ['-R', '8000:localhost:80', 'pump-7']],
    ['ssh', ['-R22', 'pump-7', '-R', '23'], ['-o', 'Port=22', 'pump-7', '-R', '23']],
    ['ssh', ['-i', 'key', 'corp\\me@site@pump-7'], ['-i', 'key', 'corp\\me@site@pump-7']],
    ['scp', ['-i', '/key', '-r', 'pump-7', ':/a', '.'], ['-i', '/key', '-r', 'pump-7:/a', '.']],
    ['scp', ['-Rp', 'pump-7', ':/a', '.'], ['-Rp', 'pump-7:/a', '.']],
    ['sftp', ['-P', '2222', 'me@pump-7', '-b', 'x'], ['-P', '2222', '-b', 'x', 'me@pump-7']],
  ])("%s %j: OpenSSH's options stay OpenSSH's", async (command, args, expected) => {
    const { file, calls } = program(0);
    expect((await stage.loggedIn.run(command, '--program', file, ...args)).err).toBe('');
    expect(calls().slice(4)).toEqual(expected);
  });

  test.each([
    [
      'ssh',
      ['--', '-oPermitLocalCommand=yes x@pump-7'],
      /^rm-client: user name "-oPermitLocalCommand=yes x": not/,
    ],
    ['ssh', ['--', '-lroot@pump-7'], /^rm-client: user name "-lroot": not/],
    ['ssh', ['a b@pump-7'], /^rm-client: user name "a b": not/],
    ['ssh', ['$(id)@pump-7'], /^rm-client: user name "\$\(id\)": not/],
    ['ssh', ['@pump-7'], /^rm-client: user name "": not/],
    ['scp', ['--', '-oProxyCommand=x@pump-7', ':a', '.'], /^rm-client: user name "-oProxyCommand=x": not/],
    ['sftp', ['--', '-oProxyCommand=x@pump-7'], /^rm-client: user name "-oProxyCommand=x": not/],
    ['ssh', ['--', '-oProxyCommand=x'], /^rm-client: device "-oproxycommand=x": must be/i],
    ['vnc', ['--', '-via=x'], /^rm-client: device "-via=x": must be/],
    ['rdp', ['--', '/v:elsewhere'], /^rm-client: device "\/v:elsewhere": must be/],
    ['forward', ['-R', '22', '--', '-x'], /^rm-client: device "-x": must be/],
    ['connect', ['--', '-x:22'], /^rm-client: device "-x": must be/],
    ['ssh', ['--color', 'pump-7'], /^rm-client: --color: neither an option of rm-client nor of OpenSSH/],
    [
      'vnc',
      ['-Shared', 'pump-7'],
      /^rm-client: -S: not an option of rm-client; those of the program come behind the device/,
    ],
  ])('%s %j: nothing passes as an option', async (command, args, line) => {
    const { status, err } = await stage.loggedIn.run(command, ...args);
    expect(err).toMatch(line);
    expect(status).toBe(64);
  });

  test('vnc and rdp get a port of this machine', async () => {
    const { file, calls } = program(0);
    const command = stage.loggedIn;
    expect((await command.run('vnc', '--program', file, 'pump-7', '-Shared')).status).toBe(0);
    expect(calls().join(' ')).toMatch(/^-Shared 127\.0\.0\.1::\d+$/);
    expect((await command.run('rdp', '--program', file, 'pump-7', '/u:me')).status).toBe(0);
    expect(calls().join(' ')).toMatch(/^\/v:127\.0\.0\.1:\d+ \/u:me$/);
  });

  test('vnc goes to the port that the device advertises, unless another is named', async () => {
    const file = join(stage.folder, 'viewer');
    const script = `const [, port] = /::(\\d+)$/.exec(process.argv.at(-1));
require('net').connect(port, '127.0.0.1').on('error', () => process.exit(4)).on('data', (text) => {
  process.exit(String(text) === 'RFB 003.008\\n' ? 3 : 5);
});`;
    writeFileSync(file, `#!/usr/bin/env node\n${script}\n`, { mode: 0o755 });
    const command = stage.loggedIn;
    expect((await command.run('vnc', '--program', file, 'pump-7')).status).toBe(3);
    expect(await command.run('vnc', '-R', '1', '--program', file, 'pump-7')).toMatchObject({
      status: 4,
      err: 'rm-client: pump-7 port 1: Nothing answers on port 1 of the device\n',
    });
  });

  test('a program that is not installed: one line, and 127', async () => {
    const command = stage.loggedIn;
    command.environment.PATH = stage.folder;
    expect(await command.run('vnc', 'pump-7')).toEqual({
      status: 127,
      out: '',
      err: 'rm-client: vnc: not installed: install a VNC viewer, such as TigerVNC, or name another with --program\n',
    });
  });
});
