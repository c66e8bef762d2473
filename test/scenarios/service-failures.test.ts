import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { reservedPort } from '../system/loopback-port.ts';
import { fault, open } from './stage/frames.ts';
import { LocalService } from './stage/local-service.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';
import { briefly } from './stage/wait.ts';

/** Services that fail: what the log and `rm-agent status` say of them. */

interface Result {
  readonly ok: boolean;
  readonly reason: string | null;
}

/** An agent with one service, and what `rm-agent status --json` says of that. */
async function withService(stage: Stage, service: object, timeouts: object = {}) {
  const reflector = await stage.reflector();
  const more = { services: [service], control: join(stage.directory, 'c'), timeouts };
  const config = stage.file(JSON.stringify(configuration(reflector, [], more)));
  const agent = stage.run(['--config', config]);
  const tunnel = await reflector.establishedTunnel();
  const result = async (): Promise<Result | null> => {
    const status = stage.run(['status', '--json', '--config', config]);
    await status.ended();
    return JSON.parse(status.output).services[0].result;
  };
  return { agent, tunnel, result, config };
}

describe.concurrent('a service', () => {
  scenario('that refuses is warned of once, until it works again', async ({ stage }) => {
    const port = await reservedPort();
    const { agent, tunnel, result, config } = await withService(stage, { port, name: 'Web', kind: 'tcp' });
    expect(await result()).toBeNull();
    for (let channel = 1; channel <= 5; channel++) {
      tunnel.send(open(channel, port));
      await tunnel.expect(fault(channel, 3));
    }
    await agent.logged(/warning service on port \d+ \(Web\) cannot be reached: connection refused/);
    expect(agent.log.filter((line) => line.includes('cannot be reached'))).toHaveLength(1);
    expect(await result()).toMatchObject({ ok: false, reason: 'connection refused' });
    const status = stage.run(['status', '--config', config]);
    await status.ended();
    expect(status.output).toMatch(/^service: +port \d+ \(Web\): connection refused, \d+ s ago$/m);
  });

  scenario.for([
    ['whose name is unknown', { target: 'no-such-host.invalid' }, /name/],
    ['that does not speak TLS', { kind: 'https' }, /TLS/],
  ] as const)('%s is warned of with the reason', async ([, more, reason], { stage }) => {
    const plain = await stage.service(() => LocalService.start((socket) => socket.write('SSH-2.0-x\r\n')));
    const { agent, tunnel, result } = await withService(stage, { port: plain.port, ...more });
    tunnel.send(open(1, plain.port));
    await tunnel.expect(fault(1, 5));
    const line = await agent.logged(/warning service on port \d+ cannot be reached: /);
    expect(line).toMatch(reason);
    expect(await result()).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
  });

  scenario('that does not answer is warned of with the time', async ({ stage }) => {
    const silent = await stage.silentPort();
    const { agent, tunnel } = await withService(stage, { port: silent.port }, { connect: briefly });
    tunnel.send(open(1, silent.port));
    await tunnel.expect(fault(1, 4));
    await agent.logged(new RegExp(`cannot be reached: no answer within ${briefly} s`));
  });

  scenario('that resets at once is warned of', async ({ stage }) => {
    const rude = await stage.service(() => LocalService.start((socket) => socket.resetAndDestroy()));
    const { agent, tunnel } = await withService(stage, { port: rude.port });
    tunnel.send(open(1, rude.port));
    await agent.logged(/cannot be reached: connection reset/);
  });
});

describe.concurrent('a property', () => {
  scenario('whose command fails is warned of with what the command says', async ({ stage }) => {
    const reflector = await stage.reflector();
    const script = stage.file('echo "sensor is gone" >&2; echo 5; exit 4');
    const device = { id: 'i', domain: 'd', properties: { load: { command: ['/bin/sh', script] } } };
    const agent = stage.agent(configuration(reflector, [1], { device }));
    const { all } = await reflector.upgrade();
    expect(all).toBeDefined();
    await agent.logged(/warning device\.properties\.load: \/bin\/sh: status 4: sensor is gone$/);
  });
});
