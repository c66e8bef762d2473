import { readdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { reservedPort } from '../system/loopback-port.ts';
import type { AgentProcess } from './stage/agent-process.ts';
import { data } from './stage/frames.ts';
import { LocalService } from './stage/local-service.ts';
import { type Configuration, configuration, type Stage, scenario } from './stage/stage.ts';
import { within } from './stage/wait.ts';

/** `rm-agent status`, `retry`, `enable`, `disable`, and the configuration that SIGHUP reads again. */

/** An agent with a control socket, and the commands that reach it. */
class ControlStage {
  readonly path: string;
  readonly #stage: Stage;
  #config = '';

  constructor(stage: Stage) {
    this.#stage = stage;
    this.path = join(stage.directory, 'control.sock');
  }

  /** A key of the configuration that all of these agents have. */
  get state(): string {
    return join(this.#stage.directory, 'state');
  }

  write(content: Configuration): void {
    const full = { ...content, stateFile: content.stateFile ?? this.state, control: this.path };
    this.#config = this.#stage.file(JSON.stringify(full), 'rm-agent.json');
  }

  run(content: Configuration): AgentProcess {
    this.write(content);
    return this.#stage.run(['--config', this.#config]);
  }

  async command(...words: string[]): Promise<{ status: number | null; output: string; log: string }> {
    const process = this.#stage.run([...words, '--config', this.#config]);
    const { status } = await process.ended();
    return { status, output: process.output, log: process.log.join('\n') };
  }

  async status(): Promise<Record<string, unknown>> {
    const { status, output, log } = await this.command('status', '--json');
    expect(status, log).toBe(0);
    return JSON.parse(output);
  }

  /** Asks until the status is as expected. */
  async until(expected: Record<string, unknown>): Promise<Record<string, unknown>> {
    for (;;) {
      const found = await this.status();
      if (Object.entries(expected).every(([key, value]) => found[key] === value)) return found;
    }
  }
}

/** Attempts far apart: whatever comes sooner, the test has asked for. */
const patient = { reconnect: { min: 3600, max: 3600 } };

describe.concurrent('status', () => {
  scenario('is of one shape, whose keys are only ever added to', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    const control = new ControlStage(stage);
    control.run(configuration(reflector, [echo.port]));
    const tunnel = await reflector.tunnel();
    await tunnel.open(1, echo.port);
    tunnel.send(data(1, 'four'));
    await tunnel.expectText(1, 'four');
    expect(await control.status()).toEqual(
      expect.objectContaining({
        state: 'connected',
        since: expect.any(Number),
        link: 'live',
        reflector: reflector.uri,
        connectedTo: reflector.uri,
        keepAliveMs: 300_000,
        lastError: null,
        lastFailure: null,
        nextAttemptAt: null,
        channels: 1,
        access: { waiting: [], sessions: 0 },
        services: [
          {
            port: echo.port,
            name: null,
            kind: 'tcp',
            result: { ok: true, reason: null, at: expect.any(Number) },
          },
        ],
        connects: 1,
        // Those of the channel that is open.
        received: 4,
        sent: 4,
        certificateExpiresAt: null,
        certificateDays: null,
        residentMemory: expect.any(Number),
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        persisted: null,
      }),
    );
    expect((await control.command('status')).output).toMatch(/^state: +connected for \d+ s\nreflector: /);
  });

  scenario('says why there is no tunnel, and when it is tried again', async ({ stage }) => {
    const port = await reservedPort();
    const control = new ControlStage(stage);
    const agent = control.run(configuration(`http://127.0.0.1:${port}/`, [1], patient));
    await agent.logged(/refused/);
    const { lastError, nextAttemptAt } = await control.until({ state: 'waiting' });
    expect(lastError).toMatch(/refused/);
    expect(nextAttemptAt).toBeGreaterThan(Date.now() - 60_000);
    const { output } = await control.command('status');
    expect(output).toMatch(/\nlast error: +.*refused.*\nnext attempt: in \d/);
  });

  scenario('is for its own user alone', async ({ stage }) => {
    const reflector = await stage.reflector();
    const control = new ControlStage(stage);
    control.run(configuration(reflector, [1]));
    await reflector.tunnel();
    await control.status();
    expect(statSync(control.path).mode & 0o777).toBe(0o600);
  });

  scenario('of an agent that does not run ends with status 69', async ({ stage }) => {
    const control = new ControlStage(stage);
    control.write(configuration('http://127.0.0.1:9/', [1]));
    const { status, log } = await control.command('status');
    expect([status, log]).toEqual([69, expect.stringContaining(control.path)]);
  });

  scenario('reaches the agent although the configuration has become wrong meanwhile', async ({ stage }) => {
    const reflector = await stage.reflector();
    const control = new ControlStage(stage);
    control.run(configuration(reflector, [1]));
    const tunnel = await reflector.tunnel();
    await control.status();
    stage.file(`{ "reflector": \n "control": "${control.path}" }`, 'rm-agent.json');
    const { status, output, log } = await control.command('status', '--json');
    expect([status, JSON.parse(output)]).toEqual([0, expect.objectContaining({ state: 'connected' })]);
    expect(log).toMatch(/^warning .*rm-agent\.json:2:11: /);
    expect((await control.command('disable')).status).toBe(0);
    await tunnel.closed;
  });

  scenario('is not held up by callers that say nothing', async ({ stage }) => {
    const reflector = await stage.reflector();
    const control = new ControlStage(stage);
    control.run(configuration(reflector, [1]));
    await reflector.tunnel();
    await control.status();
    const silent = Array.from({ length: 8 }, () => connect(control.path).on('error', () => undefined));
    expect((await control.status()).state).toBe('connected');
    for (const socket of silent) socket.destroy();
  });
});

describe.concurrent('the switch', () => {
  scenario('turns remote access off and on', async ({ stage }) => {
    const service = await stage.service();
    const reflector = await stage.reflector();
    const control = new ControlStage(stage);
    control.run(configuration(reflector, [service.port]));
    const tunnel = await reflector.tunnel();
    await tunnel.open(1, service.port);
    const local = await service.connection();
    expect((await control.command('disable')).status).toBe(0);
    expect([1000, 1001]).toContain((await tunnel.closed).code);
    await local.gone;
    expect(await control.status()).toMatchObject({ state: 'disabled', persisted: null });
    expect((await control.command('retry')).status).toBe(0);
    expect(await control.status()).toMatchObject({ state: 'disabled' });
    expect(reflector.connections).toBe(1);
    await control.command('enable');
    await reflector.tunnel();
    // Nothing is written to flash in normal operation.
    expect(readdirSync(stage.directory).sort()).toEqual(['control.sock', 'rm-agent.json']);
  });

  scenario('may be off from the start', async ({ stage }) => {
    const reflector = await stage.reflector();
    const control = new ControlStage(stage);
    const agent = control.run(configuration(reflector, [1], { start: 'disabled' }));
    await agent.logged(/disabled/);
    await control.until({ state: 'disabled' });
    expect(reflector.connections).toBe(0);
    await control.command('enable');
    await reflector.tunnel();
  });

  scenario('survives a restart when it is asked to, and only then', async ({ stage }) => {
    const reflector = await stage.reflector();
    const control = new ControlStage(stage);
    const content = configuration(reflector, [1]);
    const restart = async (agent: AgentProcess) => {
      agent.signal('SIGTERM');
      await agent.ended();
      return control.run(content);
    };
    let agent = control.run(content);
    await (await reflector.upgrade()).accept();
    await control.command('disable');
    agent = await restart(agent);
    await reflector.tunnel();
    expect((await control.command('disable', '--persist')).output).toContain('next start');
    expect(readFileSync(control.state, 'utf8')).toBe('disabled\n');
    expect(statSync(control.state).mode & 0o777).toBe(0o600);
    agent = await restart(agent);
    await agent.logged(/disabled/);
    expect(await control.until({ state: 'disabled' })).toMatchObject({ persisted: 'disabled' });
    expect((await control.command('enable', '--persist')).status).toBe(0);
    await reflector.tunnel();
    agent = await restart(agent);
    await reflector.tunnel();
  });

  scenario('takes effect even where it cannot be persisted', async ({ stage }) => {
    const reflector = await stage.reflector();
    const control = new ControlStage(stage);
    const stateFile = join(stage.directory, 'no', 'such', 'directory');
    control.run(configuration(reflector, [1], { stateFile }));
    const tunnel = await reflector.tunnel();
    const { status, log } = await control.command('disable', '--persist');
    expect([status, log]).toEqual([69, expect.stringMatching(/only until the agent ends.*no such/i)]);
    await tunnel.closed;
    expect(await control.status()).toMatchObject({ state: 'disabled', persisted: null });
  });

  scenario('retry dials at once', async ({ stage }) => {
    const reflector = await stage.reflector();
    const control = new ControlStage(stage);
    const agent = control.run(configuration(reflector, [1], patient));
    (await reflector.upgrade()).refuse('503 Service Unavailable');
    await agent.logged(/answered 503/);
    await control.until({ state: 'waiting' });
    await control.command('retry');
    await reflector.tunnel();
  });
});

describe.concurrent('of agents that start together', () => {
  scenario('one gets the control socket, and the others say so and work without', async ({ stage }) => {
    const reflector = await stage.reflector();
    const control = new ControlStage(stage);
    const killed = control.run(configuration(reflector, [1]));
    await reflector.tunnel();
    await control.status();
    killed.signal('SIGKILL');
    await killed.exited;
    expect(statSync(control.path).isSocket()).toBe(true);
    const agents = Array.from({ length: 4 }, () => control.run(configuration(reflector, [1])));
    for (const _ of agents) (await reflector.upgrade()).accept();
    let without = 0;
    const three = new Promise<void>((resolve) => {
      for (const agent of agents)
        agent.logged(/another agent uses it/).then(
          () => ++without === 3 && resolve(),
          // The one that has it.
          () => undefined,
        );
    });
    await within(three, 'three of four agents to go without');
    expect(without).toBe(3);
    expect((await control.status()).state).toBe('connected');
  });
});

describe.concurrent('SIGHUP', () => {
  scenario('brings a changed configuration into force at once', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    const control = new ControlStage(stage);
    const agent = control.run(configuration(reflector, [1]));
    const before = await reflector.tunnel();
    control.write(configuration(reflector, [echo.port]));
    agent.signal('SIGHUP');
    expect([1000, 1001]).toContain((await before.closed).code);
    const tunnel = await reflector.tunnel();
    await tunnel.open(1, echo.port);
    expect(reflector.connections).toBe(2);
    expect(await control.status()).toMatchObject({ state: 'connected', channels: 1 });
  });

  scenario('leaves all as it was when the new one is wrong', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    const control = new ControlStage(stage);
    const agent = control.run(configuration(reflector, [echo.port]));
    const tunnel = await reflector.tunnel();
    await tunnel.open(1, echo.port);
    stage.file('{ "reflector": 1 }', 'rm-agent.json');
    agent.signal('SIGHUP');
    const line = await agent.logged(/stays as it was/);
    expect(line).toMatch(/rm-agent\.json:1:16: .*\(and \d+ more\)/);
    tunnel.send(data(1, 'still here'));
    await tunnel.expectText(1, 'still here');
    expect(reflector.connections).toBe(1);
  });
});
