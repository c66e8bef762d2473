import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { root } from '../checkout.ts';
import type { AgentProcess } from '../scenarios/stage/agent-process.ts';
import { close, confirm, data, error, fault, open } from '../scenarios/stage/frames.ts';
import type { Reflector } from '../scenarios/stage/reflector.ts';
import { configuration, type Stage, scenario } from '../scenarios/stage/stage.ts';

// Programs on librm-agent.a, agent/sdk/c/test, with the address and undefined-behaviour sanitizers and under valgrind.

const run = promisify(execFile);
const extension = { maxFrame: 65_536, window: 65_536 };
const ports = [7, 9, 13, 15, 17];

/** The program, whose loop is its own or the library's. */
function program(
  stage: Stage,
  reflector: Reflector,
  loop: 'own' | 'threaded',
  environment: Readonly<Record<string, string>> = {},
  more = {},
): AgentProcess {
  const file = stage.file(JSON.stringify(configuration(reflector, ports, more)), `program-${loop}.json`);
  const serving = { RM_SERVE: '1', ...environment };
  return stage.run(['--config', file, loop], serving, ['dist/library-sanitize/program']);
}

describe('the functions of the library', () => {
  scenario('say what is wrong, and agents come and go, on both kinds of loop', async () => {
    const { stdout } = await run('dist/library-sanitize/api', { cwd: root });
    expect(stdout).toBe('all is well\n');
  });

  scenario('may be called again at once after a start without descriptors', async () => {
    const { stdout } = await run('dist/library-sanitize/api', ['descriptors'], { cwd: root });
    expect(stdout).toBe('all is well\n');
  });

  scenario('may make an agent while another thread destroys the last one', async () => {
    const { stdout } = await run('dist/library-sanitize/api', ['at once'], { cwd: root });
    expect(stdout).toBe('all is well\n');
  });

  scenario('lose no memory', async () => {
    const check = ['-q', '--error-exitcode=99', '--leak-check=full', 'dist/library/api'];
    const { stdout, stderr } = await run('valgrind', check, { cwd: root });
    expect([stdout, stderr]).toEqual(['all is well\n', '']);
  });
});

describe.each(['own', 'threaded'] as const)('a service inside the program, loop %s', (loop) => {
  scenario('carries bytes both ways, and ends each direction by itself', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = program(stage, reflector, loop);
    const tunnel = await reflector.establishedTunnel({ extension });
    await tunnel.open(1, 7);
    const payload = randomBytes(1_000_000);
    const sent = tunnel.sendData(1, payload, 16_384);
    expect(Buffer.compare(await tunnel.read(1, payload.length), payload)).toBe(0);
    await sent;
    tunnel.send(close(1));
    await tunnel.expect(close(1));
    await agent.logged(/^closed 7 in order$/);
  });

  scenario('may speak first and end at once', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = program(stage, reflector, loop);
    const tunnel = await reflector.establishedTunnel({ extension });
    await tunnel.open(2, 13);
    await tunnel.expectText(2, 'hello\n');
    await tunnel.expect(close(2));
    tunnel.send(data(2, 'not wanted'));
    tunnel.send(close(2));
    await agent.logged(/^closed 13 in order$/);
  });

  scenario('refuses a connection, and breaks one', async ({ stage }) => {
    const reflector = await stage.reflector();
    program(stage, reflector, loop);
    const tunnel = await reflector.establishedTunnel({ extension });
    tunnel.send(open(3, 15));
    await tunnel.expect(fault(3, 3));
    await tunnel.open(4, 17);
    tunnel.send(data(4, 'x'));
    await tunnel.expect(error(4, 5));
  });

  scenario('that does not read gets no more than a window', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = program(stage, reflector, loop);
    const tunnel = await reflector.establishedTunnel({ extension });
    await tunnel.open(5, 9);
    const payload = randomBytes(tunnel.window);
    await tunnel.sendData(5, payload, 16_384);
    // Others go on meanwhile.
    await tunnel.open(6, 7);
    tunnel.send(data(6, 'alive'));
    await tunnel.expectText(6, 'alive');
    expect(tunnel.credit(5)).toBe(0);
    if (loop === 'threaded') return;
    agent.signal('SIGUSR1');
    expect(Buffer.compare(await tunnel.read(5, payload.length), payload)).toBe(0);
  });

  scenario('ends with the tunnel, and says so', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = program(stage, reflector, loop);
    const tunnel = await reflector.establishedTunnel({ extension });
    await tunnel.open(7, 7);
    tunnel.socket.destroy();
    await agent.logged(/^closed 7 the connection was broken$/);
    await reflector.establishedTunnel({ extension });
  });
});

describe('what a service inside the program has not read', () => {
  scenario('takes little more memory than its bytes, in frames of any size', async ({ stage }) => {
    const reflector = await stage.reflector();
    const limits = { totalBytes: 262_144, memoryBytes: 3_145_728 };
    const agent = program(stage, reflector, 'own', {}, { limits });
    const tunnel = await reflector.establishedTunnel({ extension: { ...extension, window: 131_072 } });
    await tunnel.open(1, 9);
    const payload = randomBytes(131_072);
    await tunnel.sendData(1, payload, 1);
    // The program reads once, at the signal: by then all frames must be there.
    expect(await tunnel.established()).toBe(true);
    agent.signal('SIGUSR1');
    expect(Buffer.compare(await tunnel.read(1, payload.length), payload)).toBe(0);
  });
});

describe('a device that enrols', () => {
  scenario('keeps what it is by in its state file, over the end of the program', async ({ stage }) => {
    const reflector = await stage.reflector();
    const stateFile = join(stage.directory, 'device.state');
    const enroll = { key: 'rme_0123456789abcdefghijklmnop', hardware: 'board 1' };
    const more = { device: { id: 'thermostat-1', enroll }, stateFile };
    const first = program(stage, reflector, 'own', {}, more);
    const enrolment = await reflector.enrolment();
    enrolment.reply(200, { domain: 'acme' });
    const upgrade = await reflector.upgrade();
    await upgrade.accept().established();
    expect(readFileSync(stateFile, 'utf8')).toContain(`secret ${enrolment.body.secret}\n`);
    expect(statSync(stateFile).mode & 0o777).toBe(0o600);
    first.signal('SIGTERM');
    expect((await first.ended()).status).toBe(0);

    // Another program with the same file is the same device, and asks for nothing.
    program(stage, reflector, 'threaded', {}, more);
    const again = await reflector.upgrade();
    expect(again.header('authorization')).toBe(upgrade.header('authorization'));
    again.accept();
  });

  scenario('without a state file is a fault of the configuration', async ({ stage }) => {
    const reflector = await stage.reflector();
    const device = { id: 'thermostat-1', enroll: { key: 'rme_0123456789abcdefghijklmnop' } };
    const agent = program(stage, reflector, 'own', {}, { device, stateFile: null });
    expect((await agent.ended()).status).toBe(78);
    expect(agent.log.join('\n')).toMatch(/stateFile: /);
  });
});

describe('what the program is asked', () => {
  scenario('a credential, for each attempt', async ({ stage }) => {
    const reflector = await stage.reflector();
    const device = { id: 'a', domain: 'b', password: { callback: true } };
    const agent = program(stage, reflector, 'own', { RM_PASSWORD: 's3cret' }, { device });
    const upgrade = await reflector.upgrade();
    expect(upgrade.header('authorization')).toBe(`Basic ${Buffer.from('a@b:s3cret').toString('base64')}`);
    upgrade.accept();
    await agent.logged(/^info connected/);
    const without = program(stage, reflector, 'threaded', {}, { device });
    await without.logged(/device\.password: the program gave none/);
  });

  scenario.for(['admit', 'consent'])('who may come in, by %s', async (mode, { stage }) => {
    const reflector = await stage.reflector();
    const access = mode === 'consent' ? { access: { mode, pause: 0 } } : {};
    const agent = program(stage, reflector, 'own', { RM_ADMIT: 'later' }, access);
    const tunnel = await reflector.establishedTunnel({ extension });
    tunnel.send(open(8, 7));
    await agent.logged(/^asked for 7$/);
    const before = agent.log.length;
    agent.signal('SIGUSR1');
    if (mode === 'consent') {
      // The program has let it in; now it is a person that is asked.
      await agent.logged(/^asked for 7$/, before);
      agent.signal('SIGUSR1');
    }
    await tunnel.expect(confirm(8));
    const refusing = program(stage, reflector, 'threaded', { RM_ADMIT: 'refuse' }, access);
    const other = await reflector.establishedTunnel({ extension });
    other.send(open(9, 7));
    const answer = await other.frame(9);
    expect(answer.subarray(0, 2).toString('hex')).toBe('8100');
    expect(refusing.exit).toBeNull();
  });
});
