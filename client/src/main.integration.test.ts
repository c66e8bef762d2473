import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { password, ports, Stage, user } from './testing/stage.ts';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

describe('the executable', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open();
  });
  afterAll(() => stage.close());

  function start(args: readonly string[]): ChildProcess & {
    stdin: NodeJS.WritableStream;
    stdout: NodeJS.ReadableStream;
    stderr: NodeJS.ReadableStream;
  } {
    const environment = { RM_REFLECTOR: stage.reflector.url, RM_USER: user, RM_PASSWORD: password };
    return spawn(process.execPath, [program, ...args], {
      env: { ...process.env, ...environment, XDG_CONFIG_HOME: stage.folder },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  test('connects standard input and output, each with its own end', async () => {
    const child = start(['connect', `pump-7:${ports.echo}`]);
    const content = randomBytes(1 << 20);
    const [received, errors] = [buffer(child.stdout), text(child.stderr)];
    child.stdin.end(content);
    expect(await once(child, 'close')).toEqual([0, null]);
    expect((await received).equals(content)).toBe(true);
    expect(await errors).toBe('');
  });

  test('ends with 1 and a line on standard error', async () => {
    const child = start(['connect', 'pump-8:22']);
    const [received, errors] = [text(child.stdout), text(child.stderr)];
    expect(await once(child, 'close')).toEqual([1, null]);
    expect([await received, await errors]).toEqual([
      '',
      'rm-client: pump-8 port 22: The device "pump-8" is off line\n',
    ]);
  });

  test('ends with 1 when nobody reads what it writes', async () => {
    const child = start(['connect', `pump-7:${ports.echo}`]);
    const errors = text(child.stderr);
    (child.stdout as NodeJS.ReadableStream & { destroy(): void }).destroy();
    child.stdin.write('x');
    expect((await once(child, 'close'))[0]).toBe(1);
    expect(await errors).toBe('rm-client: standard input or output: connection reset\n');
  });

  test('ends with 1, and without a word, when nobody reads what it prints', async () => {
    const child = start(['--help']);
    const errors = text(child.stderr);
    (child.stdout as NodeJS.ReadableStream & { destroy(): void }).destroy();
    expect([await once(child, 'close'), await errors]).toEqual([[1, null], '']);
  });

  test('forwards until SIGTERM, and ends with 0', async () => {
    const child = start(['forward', 'pump-7', '-R', String(ports.echo)]);
    const [line] = await once(child.stdout, 'data');
    expect(String(line)).toMatch(/^127\.0\.0\.1:\d+ leads to port 7 of pump-7\n$/);
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([0, null]);
  });

  test('its ProxyCommand goes through the shell unharmed', async () => {
    // In the place of ssh: expands %% and %p as it does, and has the shell run the command.
    const ssh = join(stage.folder, "it's ssh");
    writeFileSync(
      ssh,
      `#!${process.execPath}
const option = (name) => process.argv.find((word) => word.startsWith(name + '=')).slice(name.length + 1);
const command = option('ProxyCommand').replace(/%([%p])/g, (_, token) => (token === 'p' ? option('Port') : '%'));
require('node:child_process').spawnSync('/bin/sh', ['-c', 'exec ' + command], { stdio: 'inherit' });
`,
    );
    chmodSync(ssh, 0o755);
    const child = start([
      'ssh',
      '--program',
      ssh,
      '-R',
      String(ports.echo),
      '--proxy',
      'none',
      'root@pump-7',
    ]);
    const [received, errors] = [text(child.stdout), text(child.stderr)];
    child.stdin.end('through the shell');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect([await received, await errors]).toEqual(['through the shell', '']);
  });
});
