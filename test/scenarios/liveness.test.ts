import { describe, expect } from 'vitest';
import type { AgentProcess } from './stage/agent-process.ts';
import { LocalService } from './stage/local-service.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';
import { briefly, slow } from './stage/wait.ts';

/** How a dead tunnel is noticed, and a live one kept. */

describe.concurrent('keep-alive', () => {
  scenario('sends a PING whenever the link is idle, and goes on while PONGs come', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [echo.port], { timeouts: { keepAlive: briefly } }));
    const tunnel = await reflector.tunnel();
    for (let i = 0; i < 3; i++) await tunnel.pings.next();
    await tunnel.open(1, echo.port);
    expect(reflector.connections).toBe(1);
  });

  scenario('uses the time that the reflector names in its response', async ({ stage }) => {
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1], { timeouts: { keepAlive: 3600 } }));
    const tunnel = await reflector.tunnel({ headers: [`X-WebTunnel-KeepAlive: ${briefly}`] });
    await tunnel.pings.next();
  });

  scenario.for(['0', '-1', 'never', '999999999999', ''])(
    'is not disturbed by a time of "%s" from the reflector',
    async (value, { stage }) => {
      const echo = await stage.service(LocalService.echo);
      const reflector = await stage.reflector();
      stage.agent(configuration(reflector, [echo.port], { timeouts: { keepAlive: briefly } }));
      const tunnel = await reflector.tunnel({ headers: [`X-WebTunnel-KeepAlive: ${value}`] });
      await tunnel.open(1, echo.port);
      expect(tunnel.pings.length).toBeLessThan(10);
    },
  );

  scenario('dials again when the PONG does not come', async ({ stage }) => {
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1], { timeouts: { keepAlive: briefly } }));
    const tunnel = await reflector.tunnel();
    tunnel.ignorePings();
    await tunnel.pings.next();
    await reflector.tunnel();
    await tunnel.closed;
  });

  scenario('dials again when the link swallows everything', async ({ stage }) => {
    const service = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [service.port], { timeouts: { keepAlive: briefly } }));
    const tunnel = await reflector.tunnel();
    await tunnel.open(1, service.port);
    // What the service sends fills the connection, so that no PING leaves the agent either.
    tunnel.socket.pause();
    (await service.connection()).socket.write(Buffer.alloc(64 << 20));
    await reflector.tunnel();
  });

  scenario('takes the PINGs of the reflector as signs of life', async ({ stage }) => {
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1], { timeouts: { keepAlive: briefly } }));
    const tunnel = await reflector.tunnel();
    tunnel.ignorePings();
    for (let i = 0; i < 3; i++) {
      // The agent is about to give up; then the reflector says something.
      await tunnel.pings.next();
      tunnel.ping('alive');
      await tunnel.pongs.next();
    }
    expect(reflector.connections).toBe(1);
  });
});

describe.concurrent('a path that is half dead', () => {
  scenario('is left when PINGs are not answered any more, although bytes come', async ({ stage }) => {
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1], { timeouts: { keepAlive: briefly } }));
    const tunnel = await reflector.tunnel();
    await tunnel.pings.next();
    await tunnel.pings.next();
    tunnel.ignorePings();
    // Often, but not faster than a slow executable answers.
    const talk = setInterval(() => tunnel.ping('alive'), 100 * slow);
    await reflector.tunnel().finally(() => clearInterval(talk));
    await tunnel.closed;
  });
});

describe.concurrent('a middlebox that cuts silent links', () => {
  scenario('teaches the agent to speak sooner', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1], { timeouts: { keepAlive: 16 } }));
    for (let link = 0; link < 2; link++) {
      const tunnel = await reflector.tunnel();
      tunnel.ignorePings();
      await tunnel.pings.next();
      tunnel.drop();
    }
    await reflector.tunnel();
    await agent.logged(/keep-alive 15 s in place of 16 s/);
  });
});

describe.concurrent('a process that was stopped', () => {
  /** Stops the agent for longer than any of its times, by the keep-alive of another. */
  async function stopped(stage: Stage, agent: AgentProcess): Promise<void> {
    const clock = await stage.reflector();
    stage.agent(configuration(clock, [1], { timeouts: { keepAlive: 8 + briefly } }));
    const other = await clock.tunnel();
    agent.signal('SIGSTOP');
    await other.pings.next();
    agent.signal('SIGCONT');
  }

  scenario('does not take its own absence for the silence of the reflector', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [echo.port], { timeouts: { keepAlive: briefly } }));
    const tunnel = await reflector.tunnel();
    await tunnel.pings.next();
    await stopped(stage, agent);
    await tunnel.open(1, echo.port);
    await tunnel.pings.next();
    expect(reflector.connections).toBe(1);
  });

  scenario('leaves a link that has died meanwhile', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [1], { timeouts: { keepAlive: briefly } }));
    const tunnel = await reflector.tunnel();
    await tunnel.pings.next();
    tunnel.ignorePings();
    await stopped(stage, agent);
    await reflector.establishedTunnel();
  });
});
