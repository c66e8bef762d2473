import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { disturbances } from '../networks/disturbances.ts';
import { Field } from '../networks/field.ts';
import { addresses } from '../networks/lab.ts';

/**
 * Real networks that break: the agent comes back by itself, and the device is reached again. Each agent has a lab of its own, and
 * all of them run at once, because they wait for time-outs.
 */

const agents = [
  ['node', ['node', 'dist/node/rm-agent.mjs']],
  ['x86_64', ['dist/x86_64/rm-agent']],
] as const;

describe.concurrent.each(agents)('the agent %s', (_, agent) => {
  let field: Field;

  beforeAll(async () => {
    field = await Field.start(agent, { proxy: false });
  });

  afterAll(() => field?.stop());

  test.sequential.each(disturbances)('comes back when $name', async (disturbance) => {
    expect(await field.ask()).toBe('alive');
    await field.suffer(disturbance);
    expect(await field.ask()).toBe('alive');
  });
});

describe.concurrent.each(agents)('the agent %s behind a proxy', (_, agent) => {
  let field: Field;

  beforeAll(async () => {
    field = await Field.start(agent, { proxy: true });
  });

  afterAll(() => field?.stop());

  test.sequential('comes back when the proxy was restarted', async () => {
    expect(await field.ask()).toBe('alive');
    await field.suffer({
      name: 'the proxy is stopped, and started again',
      happen: () => field.stopProxy(),
      mend: () => field.startProxy(),
    });
    expect(await field.ask()).toBe('alive');
  });
});

describe.concurrent.each(agents)('the agent %s that has been told to wait for an hour', (_, agent) => {
  let field: Field;

  beforeAll(async () => {
    field = await Field.start(agent, { proxy: false, patient: true });
  });

  afterAll(() => field?.stop());

  test.sequential.each([
    // First, as long as the reflector has nothing to say: what comes in would give the PONG more time.
    {
      name: 'its way out vanishes, and is there again',
      away: 'ip route replace default via 10.77.1.9',
      back: `ip route replace default via ${addresses.routerInside}`,
    },
    {
      name: 'its link goes down, and up again',
      away: 'ip link set eth0 down',
      back: `ip link set eth0 up; ip route replace default via ${addresses.routerInside}`,
    },
    {
      name: 'it loses its address, and gets another',
      away: 'ip addr flush dev eth0',
      back: `ip addr add ${addresses.deviceLater}/24 dev eth0
             ip route replace default via ${addresses.routerInside}`,
    },
  ])('hears at once that $name', async ({ away, back }) => {
    const seen = field.agent.log.length;
    field.lab.sh('device', away);
    await field.agent.logged(/disconnected: link is dead/, seen);
    field.lab.sh('device', back);
    await field.agent.logged(/ connected to/, seen);
    expect(await field.ask()).toBe('alive');
  });

  test.sequential('dials as soon as there is a network, when there was none at all', async () => {
    field.lab.sh('device', 'ip link set eth0 down');
    const seen = field.agent.log.length;
    await field.agent.logged(/disconnected: link is dead/, seen);
    field.agent.signal('SIGHUP');
    await field.agent.logged(/not connected: .*(unreachable|ENETUNREACH)/i, seen);
    field.lab.sh('device', `ip link set eth0 up; ip route replace default via ${addresses.routerInside}`);
    await field.agent.logged(/ connected to/, seen);
  });
});
