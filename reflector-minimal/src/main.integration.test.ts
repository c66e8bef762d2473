import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ScriptedAgent } from './testing/scripted-agent.ts';
import { device, domain } from './testing/stage.ts';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

describe('the executable', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rm-reflector-main-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  interface Run {
    readonly child: ChildProcess;
    out: string;
    err: string;
    readonly ended: Promise<unknown[]>;
  }

  function start(args: readonly string[], input?: string): Run {
    const child = spawn(process.execPath, [program, ...args, '--data', join(folder, 'data.sqlite')], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const run: Run = { child, out: '', err: '', ended: once(child, 'close') };
    child.stdout?.on('data', (chunk) => {
      run.out += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      run.err += chunk;
    });
    child.stdin?.end(input);
    return run;
  }

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'serves until %s, closes tunnels, and ends with 0',
    async (signal) => {
      const added = start(
        ['device', 'add', device.id, '--domain', domain, '--password-file', '-'],
        's3cret\n',
      );
      expect(await added.ended).toEqual([0, null]);
      expect(added.out).toContain(`"domain": "${domain}"`);
      const run = start(['--listen', '127.0.0.1:0']);
      while (!run.out.includes('\n')) await once(run.child.stdout as NodeJS.ReadableStream, 'data');
      const port = Number(/^rm-reflector listens on http:\/\/localhost:(\d+)\n$/.exec(run.out)?.[1]);
      const [response] = await once(get({ port, host: '127.0.0.1', path: '/healthz' }), 'response');
      expect(response.statusCode).toBe(200);
      response.resume();
      const agent = await ScriptedAgent.connect(port, device);
      const listed = start(['device', 'list']);
      await listed.ended;
      expect(listed.out).toMatch(/dev1 +on line/);
      run.child.kill(signal);
      expect(await run.ended).toEqual([0, null]);
      await agent.ended;
      expect(agent.closeCode).toBe(1001);
      const messages = run.err
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { msg: string }).msg);
      expect(messages[0]).toBe('listening');
      // Nobody had an account, and standard output is no terminal.
      const first = readFileSync(join(folder, 'data.sqlite.first-administrator'), 'utf8');
      const password = /^user: admin\npassword: (\S+)\n$/.exec(first)?.[1] ?? '';
      expect(messages[1]).toBe('nobody had an account: the first administrator is in this file');
      expect(password).not.toBe('');
      expect(run.out + run.err).not.toContain(password);
      expect(messages).toContain('tunnel open');
      expect(messages.at(-1)).toBe('stopped');
      expect(run.err).not.toMatch(/s3cret|Basic /);
      const after = start(['device', 'list']);
      await after.ended;
      expect(after.out).toMatch(/dev1 +off line/);
    },
    240_000,
  );

  /** A reflector that drains, and its agent. */
  async function draining(seconds: number) {
    const added = start(['device', 'add', device.id, '--domain', domain, '--password-file', '-'], 's3cret\n');
    await added.ended;
    const run = start(['--listen', '127.0.0.1:0', '--drain', String(seconds)]);
    while (!run.out.includes('\n')) await once(run.child.stdout as NodeJS.ReadableStream, 'data');
    const port = Number(/:(\d+)\n$/.exec(run.out)?.[1]);
    const agent = await ScriptedAgent.connect(port, device);
    run.child.kill('SIGTERM');
    while (!run.err.includes('"draining"')) await once(run.child.stderr as NodeJS.ReadableStream, 'data');
    const [response] = await once(get({ port, host: '127.0.0.1', path: '/healthz' }), 'response');
    response.resume();
    return { run, agent, health: response.statusCode };
  }

  test('with --drain, SIGTERM closes the tunnels first, while /healthz answers 503', async () => {
    const { run, agent, health } = await draining(4);
    expect([health, agent.closeCode]).toEqual([503, null]);
    await agent.ended;
    expect(agent.closeCode).toBe(1001);
    expect(await run.ended).toEqual([0, null]);
    expect(run.err).toContain('"drained"');
  }, 240_000);

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s cuts draining short, and still stops in order',
    async (signal) => {
      const { run, agent } = await draining(3_600);
      run.child.kill(signal);
      expect(await run.ended).toEqual([0, null]);
      expect(agent.closeCode).toBe(1001);
      expect(run.err).toContain('"stopped"');
    },
    240_000,
  );
});
