import { encodePropertiesUpdate } from 'rm-protocol';
import { afterEach, expect, test } from 'vitest';
import type { EventsLost, ReflectorEvent } from './ports/events.ts';
import { ask } from './testing/ask.ts';
import { device, extensions, Stage, user } from './testing/stage.ts';
import { until } from './testing/until.ts';

let stage: Stage;
afterEach(() => stage.close());

test('what happens is told in order: devices that come, change and go, log-ins and access', async () => {
  stage = await Stage.open();
  const told: (ReflectorEvent | EventsLost)[] = [];
  const subscription = stage.reflector.events.subscribe();
  const followed = (async () => {
    for await (const event of subscription) told.push(event);
  })();
  const name = { name: 'name', value: 'Pump' };
  const agent = await stage.agent({ extensions, properties: [name] });
  agent.peer.send(encodePropertiesUpdate([{ name: 'name', value: 'Pump 2' }]));
  await until(() => told.some(({ kind }) => kind === 'properties'));
  expect((await ask(stage.port, '/')).status).toBe(502);
  agent.destroy();
  await until(() => told.some(({ kind }) => kind === 'offline'));
  await stage.reflector.close();
  await followed;
  const text = told.map((event) => {
    if (event.kind === 'lost') return 'lost';
    if (event.kind === 'audit') return `${event.record.event} ${event.record.user ?? event.record.device}`;
    return `${event.kind} ${event.device.id} ${event.properties.name}`;
  });
  expect(text).toEqual([
    `device-tunnel ${device.id}`,
    `online ${device.id} Pump`,
    `properties ${device.id} Pump 2`,
    `request ${user.name}`,
    `offline ${device.id} Pump 2`,
    expect.stringMatching(/^device-tunnel-end /),
  ]);
  const sequences = told.map((event) => ('sequence' in event ? event.sequence : -1));
  expect(sequences).toEqual(sequences.map((_, i) => (sequences[0] ?? 0) + i));
});

test('routes may be made of what the reflector offers', async () => {
  stage = await Stage.open({
    routes: ({ store, presence, events }) => [
      {
        access: 'user',
        methods: ['GET'],
        path: '/parts',
        answer: async ({ identity }) => {
          events.subscribe().close();
          const names = (await store.users.page('', 10)).map(({ name }) => name);
          return { status: 200, body: `${identity.by} ${names} ${presence.local.size}` };
        },
      },
    ],
  });
  expect((await ask(stage.port, '/parts', { host: 'localhost' })).text).toBe('password alice 0');
});
