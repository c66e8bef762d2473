import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { reservedPort } from '../system/loopback-port.ts';
import { open } from './stage/frames.ts';
import { LocalService } from './stage/local-service.ts';
import { configuration, scenario } from './stage/stage.ts';

/** What is logged, where, and how little. */

const textOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

describe.concurrent('standard error', () => {
  scenario.for([
    ['always', /^<6>connected to /],
    ['never', /^info connected to /],
    ['auto', /^info connected to /],
  ] as const)('with priorities "%s"', async ([priorities, pattern], { stage }) => {
    const reflector = await stage.reflector();
    const config = JSON.stringify(configuration(reflector, [1], { log: { priorities } }));
    // A stream of the journal that is not this one.
    const agent = stage.run(['--config', stage.file(config)], { JOURNAL_STREAM: '1:2' });
    await reflector.tunnel();
    await agent.logged(pattern);
  });

  scenario('has priorities of its own accord when the journal reads it', async ({ stage }) => {
    const reflector = await stage.reflector();
    const config = stage.file(JSON.stringify(configuration(reflector, [1])));
    const log = stage.file('', 'journal');
    // As systemd does: the variable names the device and inode of standard error.
    const { dev, ino } = statSync(log);
    const agent = stage.run(['--config', config], { JOURNAL_STREAM: `${dev}:${ino}` }, undefined, log);
    await reflector.tunnel();
    agent.signal('SIGTERM');
    await agent.ended();
    expect(textOf(log)).toMatch(/^<6>connected to /m);
  });

  scenario('that nobody reads stops nothing, and is told how many lines it lacks', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    const log = join(stage.directory, 'full');
    execFileSync('mkfifo', [log]);
    const reader = openSync(log, constants.O_RDWR | constants.O_NONBLOCK);
    stage.ends(() => closeSync(reader));
    expect(() => {
      for (;;) writeSync(reader, '\n'.repeat(4096));
    }).toThrow('EAGAIN');
    const config = stage.file(
      JSON.stringify(configuration(reflector, [echo.port], { log: { level: 'debug' } })),
    );
    const agent = stage.run(['--config', config], {}, undefined, log);
    const tunnel = await reflector.tunnel();
    await tunnel.open(1, echo.port);
    const room = Buffer.alloc(1 << 20);
    const read = room.toString('latin1', 0, readSync(reader, room));
    await tunnel.open(2, echo.port);
    agent.signal('SIGTERM');
    expect(await agent.ended()).toMatchObject({ status: 0 });
    const rest = room.toString('latin1', 0, readSync(reader, room));
    expect(read).not.toContain('connected to');
    expect(rest).toMatch(/^\d+ lines were left out$/m);
    expect(rest).toMatch(/channel 2 to port \d+ opened$/m);
  });
});

describe.concurrent('a log file', () => {
  scenario('is two files of its bound at most, of mode 600', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    mkdirSync(join(stage.directory, 'log'));
    const file = join(stage.directory, 'log', 'rm-agent.log');
    const log = { level: 'debug', to: { file, maxBytes: 4096 } };
    const agent = stage.agent(configuration(reflector, [echo.port], { log }));
    const tunnel = await reflector.tunnel();
    for (let channel = 1; channel <= 300; channel++) {
      tunnel.send(open(channel, 1000 + channel));
      await tunnel.frame(channel);
    }
    agent.signal('SIGTERM');
    await agent.ended();
    expect(readdirSync(join(stage.directory, 'log')).sort()).toEqual(['rm-agent.log', 'rm-agent.log.1']);
    for (const path of [file, `${file}.1`]) {
      expect(statSync(path).size).toBeLessThanOrEqual(4096);
      expect(statSync(path).mode & 0o777).toBe(0o600);
    }
    expect(statSync(`${file}.1`).size).toBeGreaterThan(3000);
    expect(textOf(file)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z debug /m);
  });

  scenario('that cannot be written does not end the agent, and is gone on with later', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    const directory = join(stage.directory, 'not-mounted-yet');
    const file = join(directory, 'log');
    const agent = stage.agent(
      configuration(reflector, [echo.port], { log: { level: 'debug', to: { file } } }),
    );
    const tunnel = await reflector.tunnel();
    await agent.logged(/not-mounted-yet.*cannot be written/);
    mkdirSync(directory);
    await tunnel.open(1, echo.port);
    agent.signal('SIGTERM');
    await agent.ended();
    expect(agent.log.filter((line) => line.includes('cannot be written'))).toHaveLength(1);
    expect(textOf(file)).toMatch(/ debug channel 1 to port \d+ opened\n/);
  });

  scenario('on a full disk does not end the agent', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [echo.port], { log: { to: { file: '/dev/full' } } }));
    const tunnel = await reflector.tunnel();
    await agent.logged(/\/dev\/full: cannot be written: .*no space/i);
    await tunnel.open(1, echo.port);
  });
});

describe.concurrent('a quiet agent', () => {
  scenario('writes one line for a reflector that is away, however often it is dialled', async ({ stage }) => {
    const port = await reservedPort();
    const file = join(stage.directory, 'log');
    const agent = stage.agent(configuration(`http://127.0.0.1:${port}/`, [1], { log: { to: { file } } }));
    const reflector = await stage.reflector(undefined, port);
    // Refused upgrades count the attempts, and are refused alike.
    for (let attempt = 0; attempt < 4; attempt++)
      (await reflector.upgrade()).refuse('503 Service Unavailable');
    agent.signal('SIGTERM');
    await agent.ended();
    const lines = textOf(file)
      .split('\n')
      .filter((line) => line.includes('503'));
    expect(lines).toHaveLength(1);
  });

  scenario('counts a line that is repeated instead of writing it', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1], { log: { level: 'debug' } }));
    const tunnel = await reflector.tunnel();
    for (let round = 0; round < 50; round++) {
      tunnel.send(open(7, 9));
      await tunnel.frame(7);
    }
    agent.signal('SIGTERM');
    await agent.ended();
    expect(agent.log.filter((line) => line.includes('port 9'))).toHaveLength(1);
    expect(agent.log.join('\n')).toMatch(/last message repeated 49 times/);
  });
});
