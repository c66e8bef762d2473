import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('start.mjs', import.meta.url));

describe('npm start', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rm-start-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /**
   * A run of it, with a folder of its own for temporary files, so that what is left behind is seen.
   * @param {string[]} args
   */
  function start(...args) {
    const child = spawn(process.execPath, [program, ...args], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const run = { child, out: '', err: '', ended: once(child, 'close') };
    child.stdout.on('data', (chunk) => {
      run.out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      run.err += chunk;
    });
    return run;
  }

  /**
   * @param {ReturnType<typeof start>} run
   * @param {RegExp} pattern
   */
  async function printed(run, pattern) {
    while (!pattern.test(run.out)) {
      await Promise.race([once(run.child.stdout, 'data'), run.ended]);
      if (run.child.exitCode !== null) throw new Error(`ended: ${run.err}`);
    }
    return pattern.exec(run.out) ?? [];
  }

  test('prints where to look, serves it, and leaves nothing behind after a signal', async () => {
    const run = start('--port', '0');
    const [, port, user, password] = await printed(
      run,
      /http:\/\/pump-7\.localhost:(\d+)\/[\s\S]*User +(\S+)\s+Password +(\S+)[\s\S]*Ctrl-C/,
    );
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const asked = request({
      host: '127.0.0.1',
      port,
      headers: { Host: `pump-7.localhost:${port}`, Authorization: authorization },
      agent: false,
    }).end();
    const [response] = await once(asked, 'response');
    let page = '';
    for await (const chunk of response) page += chunk;
    expect(response.statusCode).toBe(200);
    expect(page).toContain('<title>Pump 7</title>');
    const desktop = existsSync('/usr/bin/Xtigervnc')
      ? `http://localhost:${port}/dashboard/desktop/pump-7`
      : 'not offered: install tigervnc-standalone-server and x11-apps';
    expect(run.out).toContain(`  Desktop   ${desktop}\n`);
    run.child.kill('SIGINT');
    expect(await run.ended).toEqual([0, null]);
    expect(run.err).toBe('');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('prints a line to copy that opens a session of SSH, where a server is installed', async () => {
    const run = start('--port', '0');
    const [, password, line] = await printed(run, /Password +(\S+)\s+SSH +(.+)\n[\s\S]*Ctrl-C/);
    if (existsSync('/usr/sbin/sshd')) {
      const ssh = spawn('sh', ['-c', `${line} 'echo reached; exit 7'`], {
        cwd: fileURLToPath(new URL('..', import.meta.url)),
        env: { ...process.env, RM_PASSWORD: password, XDG_CONFIG_HOME: folder },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const output = text(ssh.stdout);
      expect(await once(ssh, 'close')).toEqual([7, null]);
      expect(await output).toBe('reached\n');
      // For the terminal in the browser: whatever key is added lets its user in.
      const [, user, keys = ''] =
        /Terminal +http:\S+\/dashboard\/terminal\/pump-7\n +Log in as (\S+), .+\n +(\S+)\n/.exec(run.out) ??
        [];
      expect([user, readFileSync(keys, 'utf8')]).toEqual([
        userInfo().username,
        expect.stringMatching(/^ssh-ed25519 /),
      ]);
    } else {
      expect(line).toBe('not offered: install openssh-server and openssh-client');
    }
    run.child.kill('SIGINT');
    expect(await run.ended).toEqual([0, null]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('says in one line that a port is taken, and what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    const run = start('--port', String(port));
    expect(await run.ended).toEqual([69, null]);
    expect(run.err).toMatch(
      new RegExp(`^npm start: port ${port} is taken; choose another one: npm start -- --port \\d+\\n$`),
    );
    expect(readdirSync(folder)).toEqual([]);
    server.close();
  });

  test.each([
    [['--port', 'x'], '--port x: must be a number from 0 to 65535'],
    [['--bogus'], "Unknown option '--bogus'"],
  ])('%j is refused in one line', async (args, message) => {
    const run = start(...args);
    expect(await run.ended).toEqual([64, null]);
    expect(run.err).toBe(`npm start: ${message}\n`);
  });
});
