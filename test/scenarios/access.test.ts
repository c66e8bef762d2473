import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { AgentProcess } from './stage/agent-process.ts';
import { runsUnder } from './stage/features.ts';
import { close, confirm, data, error, fault, open } from './stage/frames.ts';
import { LocalService } from './stage/local-service.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';
import type { Tunnel } from './stage/tunnel.ts';

/** Who may open a channel now: windows, and the consent of the person at the device. */

const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const always = { mode: 'window', windows: [{ from: '00:00', to: '24:00' }] };
/** A day that is neither today nor next to it, in any time zone. */
const never = {
  mode: 'window',
  windows: [{ days: [days[(new Date().getUTCDay() + 3) % 7]], from: '12:00', to: '13:00' }],
};

interface Opened {
  readonly agent: AgentProcess;
  readonly tunnel: Tunnel;
  readonly echo: LocalService;
  /** Runs `rm-agent consent …`. */
  consent(...words: string[]): Promise<{ status: number | null; log: string }>;
  status(): Promise<{ access: { waiting: { port: number; channels: number }[]; sessions: number } }>;
}

async function withAccess(
  stage: Stage,
  access: object,
  environment: Record<string, string> = {},
): Promise<Opened> {
  const echo = await stage.service(LocalService.echo);
  const reflector = await stage.reflector();
  const content = {
    ...configuration(reflector, [echo.port]),
    // A command that answers a question is a process of its own, which takes a while on a busy machine.
    access: { askTimeout: 3600, ...access },
    control: join(stage.directory, 'c'),
  };
  const config = stage.file(JSON.stringify(content), 'rm-agent.json');
  const agent = stage.run(['--config', config], environment);
  const tunnel = await reflector.tunnel();
  const ask = async (...words: string[]) => {
    const process = stage.run([...words, '--config', config]);
    const { status } = await process.ended();
    return { status, output: process.output, log: process.log.join('\n') };
  };
  return {
    agent,
    tunnel,
    echo,
    consent: (...words) => ask('consent', ...words),
    status: async () => JSON.parse((await ask('status', '--json')).output),
  };
}

/** A program of the device, as a shell script. */
function program(stage: Stage, text: string): string[] {
  return ['/bin/sh', stage.file(text)];
}

describe.concurrent('a window', () => {
  scenario('that is open lets in', async ({ stage }) => {
    const { tunnel, echo } = await withAccess(stage, always);
    await tunnel.open(1, echo.port);
  });

  scenario('that is closed is fault 2, and one line of the log', async ({ stage }) => {
    const { agent, tunnel, echo } = await withAccess(stage, never);
    for (let channel = 1; channel <= 30; channel++) {
      tunnel.send(open(channel, echo.port));
      await tunnel.expect(fault(channel, 2));
    }
    await agent.logged(/is closed at this time/);
    expect(agent.log.filter((line) => line.includes('is closed'))).toHaveLength(1);
  });

  scenario.for([
    ['JST-9', 'open'],
    ['EST5', 'closed'],
  ] as const)('is one of local time: with TZ=%s it is %s', async ([zone, expected], { stage }) => {
    // Two hours around what the clock shows in Japan now.
    const clock = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16);
    const windows = [{ from: clock(8), to: clock(10) }];
    const { tunnel, echo } = await withAccess(stage, { mode: 'window', windows }, { TZ: zone });
    tunnel.send(open(1, echo.port));
    await tunnel.expect(expected === 'open' ? confirm(1) : fault(1, 2));
  });

  scenario('of one service leaves the others alone', async ({ stage }) => {
    const [free, bound] = [await stage.service(LocalService.echo), await stage.service()];
    const reflector = await stage.reflector();
    stage.agent({
      ...configuration(reflector),
      services: [{ port: free.port }, { port: bound.port, access: never }],
    });
    const tunnel = await reflector.tunnel();
    await tunnel.open(1, free.port);
    tunnel.send(open(2, bound.port));
    await tunnel.expect(fault(2, 2));
  });
});

describe.concurrent('a program that is asked', () => {
  scenario('once lets all in that wait, and whoever comes later', async ({ stage }) => {
    const asked = join(stage.directory, 'asked');
    const go = join(stage.directory, 'go');
    const ask = program(
      stage,
      `echo "$RM_PORT $RM_CHANNEL $RM_TIMEOUT" >> ${asked}; while [ ! -e ${go} ]; do sleep 0.05; done`,
    );
    const { agent, tunnel, echo } = await withAccess(stage, { mode: 'consent', ask, askTimeout: 600 });
    for (let channel = 1; channel <= 30; channel++) tunnel.send(open(channel, echo.port));
    await agent.logged(/waits for consent/);
    stage.file('', 'go');
    for (let channel = 1; channel <= 30; channel++) await tunnel.expect(confirm(channel));
    await tunnel.open(31, echo.port);
    tunnel.send(data(31, 'through'));
    await tunnel.expectText(31, 'through');
    expect(readFileSync(asked, 'utf8')).toBe(`${echo.port} 1 600\n`);
  });

  scenario('and says no is fault 3, for a while without being asked again', async ({ stage }) => {
    const asked = join(stage.directory, 'asked');
    const ask = program(stage, `echo x >> ${asked}; exit 1`);
    const { agent, tunnel, echo } = await withAccess(stage, { mode: 'consent', ask, pause: 3600 });
    for (let channel = 1; channel <= 10; channel++) {
      tunnel.send(open(channel, echo.port));
      await tunnel.expect(fault(channel, 3));
    }
    await agent.logged(/refused at the device/);
    expect(readFileSync(asked, 'utf8')).toBe('x\n');
  });

  scenario('and does not end in time is fault 4', async ({ stage }) => {
    const { agent, tunnel, echo } = await withAccess(stage, {
      mode: 'consent',
      ask: ['sleep', '600'],
      askTimeout: 1,
    });
    tunnel.send(open(1, echo.port));
    await tunnel.expect(fault(1, 4));
    await agent.logged(/nobody answered within 1 s/);
  });

  // valgrind makes a fork of vfork(), whose child cannot tell its parent why it did not start.
  scenario.skipIf(runsUnder('valgrind'))('and cannot be started has refused nothing', async ({ stage }) => {
    const { agent, tunnel, echo, consent } = await withAccess(stage, {
      mode: 'consent',
      ask: '/no/such/program',
    });
    tunnel.send(open(1, echo.port));
    await agent.logged(/\/no\/such\/program/);
    expect((await consent('allow')).status).toBe(0);
    await tunnel.expect(confirm(1));
  });

  scenario('sees no secret of the agent', async ({ stage }) => {
    const seen = join(stage.directory, 'seen');
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    const content = configuration(reflector, [echo.port], {
      device: { id: 'dev1', domain: 'dom', password: { env: 'RM_TEST_SECRET' } },
      access: { mode: 'consent', ask: program(stage, `env > ${seen}`) },
    });
    stage.run(['--config', stage.file(JSON.stringify(content))], { RM_TEST_SECRET: 'hunter2' });
    const tunnel = await reflector.tunnel();
    tunnel.send(open(1, echo.port));
    await tunnel.expect(confirm(1));
    const text = readFileSync(seen, 'utf8');
    expect(text).toContain('RM_CHANNEL=1');
    expect(text).not.toContain('hunter2');
  });
});

describe.concurrent('a person that is asked', () => {
  scenario('sees who waits, and lets in', async ({ stage }) => {
    const { agent, tunnel, echo, consent, status } = await withAccess(stage, { mode: 'consent' });
    expect(await consent('allow')).toMatchObject({ status: 69, log: expect.stringMatching(/nothing waits/) });
    tunnel.send(open(1, echo.port));
    tunnel.send(open(2, echo.port));
    await agent.logged(/waits for consent/);
    expect((await status()).access).toMatchObject({
      waiting: [{ port: echo.port, channels: 2 }],
      sessions: 0,
    });
    expect((await consent('allow', String(echo.port))).status).toBe(0);
    await tunnel.expect(confirm(1));
    await tunnel.expect(confirm(2));
    expect((await status()).access).toEqual({ waiting: [], sessions: 1 });
  });

  scenario('may refuse, and take back what was allowed', async ({ stage }) => {
    const { agent, tunnel, echo, consent } = await withAccess(stage, { mode: 'consent', pause: 0 });
    tunnel.send(open(1, echo.port));
    await agent.logged(/waits for consent/);
    await consent('refuse');
    await tunnel.expect(fault(1, 3));
    const from = agent.log.length;
    tunnel.send(open(2, echo.port));
    await agent.logged(/waits for consent/, from);
    await consent('allow');
    await tunnel.expect(confirm(2));
    await consent('refuse');
    await tunnel.expect(error(2, 3));
  });

  scenario('is asked again when the session is over', async ({ stage }) => {
    const { agent, tunnel, echo, consent } = await withAccess(stage, { mode: 'consent', idle: 0 });
    tunnel.send(open(1, echo.port));
    await agent.logged(/waits for consent/);
    await consent('allow');
    await tunnel.expect(confirm(1));
    tunnel.send(close(1));
    await tunnel.expect(close(1));
    await agent.logged(/session is over/);
    const from = agent.log.length;
    tunnel.send(open(2, echo.port));
    await agent.logged(/waits for consent/, from);
  });
});

describe.concurrent('a channel that waits', () => {
  scenario('breaks the rules with data, as one that is dialled', async ({ stage }) => {
    const { tunnel, echo } = await withAccess(stage, { mode: 'consent' });
    tunnel.send(open(1, echo.port));
    tunnel.send(data(1, 'too early'));
    await tunnel.expect(fault(1, 6));
  });

  scenario('counts against the opens that may be pending', async ({ stage }) => {
    const { tunnel, echo, consent } = await withAccess(stage, { mode: 'consent' });
    for (let channel = 1; channel <= 300; channel++) tunnel.send(open(channel, echo.port));
    for (let channel = 257; channel <= 300; channel++) await tunnel.expect(fault(channel, 5));
    await consent('allow');
    for (let channel = 1; channel <= 256; channel++) await tunnel.expect(confirm(channel));
  });

  scenario('does not hold up the end of the agent', async ({ stage }) => {
    const { agent, tunnel, echo } = await withAccess(stage, { mode: 'consent', ask: ['sleep', '600'] });
    tunnel.send(open(1, echo.port));
    await agent.logged(/waits for consent/);
    agent.signal('SIGTERM');
    expect(await agent.ended()).toEqual({ status: 0, signal: null });
  });
});
