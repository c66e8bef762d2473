import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { disturbances } from '../networks/disturbances.ts';
import { Field } from '../networks/field.ts';

/** Real networks that break: the agent comes back by itself, and the device is reached again. */

const agents = [
  ['node', ['node', 'dist/node/rm-agent.mjs']],
  ['x86_64', ['dist/x86_64/rm-agent']],
] as const;

describe.each(agents)('the agent %s', (_, agent) => {
  let field: Field;

  beforeAll(async () => {
    field = await Field.start(agent, { proxy: false });
  });

  afterAll(() => field?.stop());

  test.each(disturbances)('comes back when $name', async (disturbance) => {
    expect(await field.ask()).toBe('alive');
    await field.suffer(disturbance);
    expect(await field.ask()).toBe('alive');
  });
});

describe.each(agents)('the agent %s behind a proxy', (_, agent) => {
  let field: Field;

  beforeAll(async () => {
    field = await Field.start(agent, { proxy: true });
  });

  afterAll(() => field?.stop());

  test('comes back when the proxy was restarted', async () => {
    expect(await field.ask()).toBe('alive');
    await field.suffer({
      name: 'the proxy is stopped, and started again',
      happen: () => field.stopProxy(),
      mend: () => field.startProxy(),
    });
    expect(await field.ask()).toBe('alive');
  });
});
