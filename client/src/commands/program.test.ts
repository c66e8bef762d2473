import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Stage } from '../testing/stage.ts';

/** The commands against a reflector with a real agent behind it. */

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
