import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { ManualClock } from '../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from './limits.ts';
import { ask } from './testing/ask.ts';
import { Forwarding } from './testing/scripted-agent.ts';
import { device, extensions, Stage } from './testing/stage.ts';
import { until } from './testing/until.ts';

// Bounds of connections to devices. The tests of the others are beside the code that keeps them.

const stages: Stage[] = [];
afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close();
});

async function open(options: Parameters<typeof Stage.open>[0]): Promise<Stage> {
  const stage = await Stage.open(options);
  stages.push(stage);
  return stage;
}

test('every bound is a positive whole number', () => {
  for (const [name, value] of Object.entries(defaultLimits)) {
    expect([name, Number.isInteger(value) && value > 0]).toEqual([name, true]);
  }
});

test('every bound is broken by a test that is named after it', () => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const titles = files
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    // Titles of tests, and the keys of tables of them: a name, or several, before a colon.
    .flatMap((text) =>
      [...text.matchAll(/['"`]([A-Za-z, ]+): .*['"`](?:,|: \{)/g)].map(([, names]) => names ?? ''),
    )
    .flatMap((names) => names.split(', '));
  expect(Object.keys(defaultLimits).filter((name) => !titles.includes(name))).toEqual([]);
});

test('httpConnectionsPerPort: further requests wait for a connection', async () => {
  const stage = await open({ limits: { httpConnectionsPerPort: 2 } });
  const held: ServerResponse[] = [];
  const { forwarding } = await stage.web((_request, response) => held.push(response));
  const asked = ['/1', '/2', '/3'].map((path) => ask(stage.port, path));
  await until(() => held.length === 2);
  await ask(stage.port, '/healthz', { host: 'localhost' });
  expect([held.length, forwarding.opens]).toEqual([2, 2]);
  for (let i = 0; i < 3; i++) {
    await until(() => held.length > i);
    held[i]?.end('done');
  }
  expect((await Promise.all(asked)).map(({ text }) => text)).toEqual(['done', 'done', 'done']);
  expect(forwarding.opens).toBe(2);
});

test('a connection that serves many requests collects no listeners', async () => {
  const stage = await open({});
  const { forwarding } = await stage.web((_request, response) => response.end());
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  for (let i = 0; i < 15; i++) await ask(stage.port, '/');
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', warned);
  expect([forwarding.opens, warnings]).toEqual([1, []]);
});

test('idleConnectionsPerPort, idleConnectionMs: what is not needed is closed', async () => {
  const clock = new ManualClock();
  const stage = await open({ clock, limits: { idleConnectionsPerPort: 1 } });
  const held: ServerResponse[] = [];
  const { forwarding } = await stage.web((_request, response) => held.push(response));
  const asked = ['/1', '/2'].map((path) => ask(stage.port, path));
  await until(() => held.length === 2);
  for (const response of held) response.end();
  await Promise.all(asked);
  await until(() => forwarding.open === 1);
  clock.advance(defaultLimits.idleConnectionMs);
  await until(() => forwarding.open === 0);
});

test('lingerMs: a device that does not close its half of an HTTP connection loses it', async () => {
  const stage = await open({ limits: { lingerMs: 50 } });
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = await stage.agent({ extensions, properties: [{ name: 'targetPorts', value: String(port) }] });
  const forwarding = new Forwarding(agent, [port]);
  expect((await ask(stage.port, '/', { method: 'POST', body: 'x' })).text).toBe('ok');
  await until(() => forwarding.open === 0);
  for (const socket of sockets) socket.destroy();
  server.close();
});

test('statisticsMs: what was carried is in the store before the tunnel ends', async () => {
  const clock = new ManualClock();
  const stage = await open({ clock });
  await stage.web((_request, response) => response.end(Buffer.alloc(10_000)));
  await ask(stage.port, '/');
  expect((await stage.reflector.store.devices.get(device.id))?.bytesFrom).toBe(0);
  clock.advance(defaultLimits.statisticsMs);
  const { bytesFrom = 0, bytesTo = 0 } = (await stage.reflector.store.devices.get(device.id)) ?? {};
  expect(bytesFrom).toBeGreaterThan(10_000);
  expect(bytesTo).toBeGreaterThan(0);
  clock.advance(defaultLimits.statisticsMs);
  expect(await stage.reflector.store.devices.get(device.id)).toMatchObject({ bytesFrom, bytesTo });
});
