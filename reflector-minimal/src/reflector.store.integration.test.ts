import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../protocol/src/testing/manual-clock.ts';
import { reservedPort } from '../../toolchain/loopback-port.mjs';
import { deviceSecrets } from './devices/digest-secrets.ts';
import { defaultLimits } from './limits.ts';
import type { Store } from './ports/store.ts';
import { startReflector } from './reflector.ts';
import { ask } from './testing/ask.ts';
import { BrowserSession } from './testing/browser-session.ts';
import { RawUser } from './testing/raw-user.ts';
import { RemoteData } from './testing/remote-store.ts';
import { upgradeHead } from './testing/scripted-agent.ts';
import { device, domain, extensions, Stage, user } from './testing/stage.ts';
import { until } from './testing/until.ts';
import { clientTunnelHead } from './testing/upgrade-head.ts';
import { WebSocketPeer } from './testing/web-socket-peer.ts';

/** A reflector on a store far away. */

let data: RemoteData;
let clock: ManualClock;
let stage: Stage;
/** As another process uses the data. */
let other: Store;
const opened: RawUser[] = [];
beforeEach(async () => {
  data = new RemoteData();
  clock = new ManualClock();
  other = data.open();
  stage = await Stage.open({ clock, store: () => data.open() });
});
afterEach(async () => {
  for (const one of opened.splice(0)) one.destroy();
  await stage.close();
});

test('forwards requests by password, token and session, and TCP', async () => {
  const { port } = await stage.web((_request, response) => response.end('device'), { extensions });
  expect((await ask(stage.port, '/')).text).toBe('device');
  const form = { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: [] };
  const given = await ask(stage.port, '/my-devices/api/token', {
    host: 'localhost',
    method: 'POST',
    headers: form,
    body: new URLSearchParams({ username: user.name, password: user.password }).toString(),
  });
  const { token } = JSON.parse(given.text) as { token: string };
  expect((await ask(stage.port, '/', { headers: { Authorization: `Bearer ${token}` } })).text).toBe('device');
  const cookie = await (await BrowserSession.open(stage, clock)).deviceCookie(device.id);
  expect((await ask(stage.port, '/', { headers: { Cookie: cookie, Authorization: [] } })).text).toBe(
    'device',
  );
  const peer = await WebSocketPeer.connect(stage.port, clientTunnelHead(port));
  expect(peer.head).toMatch(/^HTTP\/1\.1 101 /);
  peer.socket.destroy();
});

test('notes who is on line, what they say of themselves, and that they have gone', async () => {
  const agent = await stage.agent({ extensions, properties: [{ name: 'name', value: 'Pump' }] });
  await until(async () => (await other.devices.get(device.id))?.online);
  expect(await other.devices.get(device.id)).toMatchObject({ connects: 1, properties: { name: 'Pump' } });
  agent.destroy();
  await until(async () => (await other.devices.get(device.id))?.online === false);
});

test('what another process has changed counts within a poll', async () => {
  await stage.web((_request, response) => response.write('first'), { extensions });
  const one = new RawUser(stage.port);
  opened.push(one);
  const password = Buffer.from(`${user.name}:${user.password}`).toString('base64');
  one.send(`GET / HTTP/1.1\r\nHost: ${device.id}.localhost\r\nAuthorization: Basic ${password}\r\n\r\n`);
  await until(() => one.received.includes('first'));
  const closed = once(one.socket, 'close');
  await other.users.demote(user.name, true);
  clock.advance(defaultLimits.storePollMs);
  await closed;
  expect((await ask(stage.port, '/')).status).toBe(404);
});

test('while it is away, users are told to come again; then all goes on', async () => {
  await stage.web((_request, response) => response.end('device'), { extensions });
  expect((await ask(stage.port, '/')).text).toBe('device');
  const reconnect = data.disconnect();
  clock.advance(defaultLimits.storePollMs);
  const refused = await ask(stage.port, '/');
  expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
  reconnect();
  expect((await ask(stage.port, '/')).text).toBe('device');
});

test('a device that dials in while its record is read is on line', async () => {
  await other.devices.remove(device.id, 0);
  const secrets = await deviceSecrets(device.id, domain, device.password, false);
  await other.devices.add({ id: device.id, domain, secrets }, 0, null);
  const release = data.hold();
  const connected = stage.agent({ extensions });
  release();
  await connected;
  await until(() => stage.reflector.presence.local.has(device.id));
});

test('until the store is open, everything is refused with a time to come again', async () => {
  const port = await reservedPort();
  let open = () => {};
  let begun = () => {};
  const listening = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const starting = startReflector({
    port,
    store: async () => {
      begun();
      await new Promise<void>((resolve) => {
        open = resolve;
      });
      return data.open();
    },
  });
  await listening;
  const health = () => ask(port, '/my-devices/health.json', { host: 'localhost' });
  const { status, headers } = await health();
  expect([status, headers['retry-after'], headers.connection]).toEqual([503, '5', 'close']);
  for (const head of [
    upgradeHead(device),
    clientTunnelHead(22),
    `CONNECT ${device.id}.localhost:22 HTTP/1.1\r\nHost: ${device.id}.localhost:22\r\n\r\n`,
    // As load balancers check.
    'GET / HTTP/1.1\r\n\r\n',
  ]) {
    const one = new RawUser(port);
    opened.push(one);
    one.send(head);
    const answer = await one.whole();
    expect(one.statuses).toEqual([503]);
    expect(answer).toContain('\r\nRetry-After: 5\r\n');
  }
  open();
  const reflector = await starting;
  expect((await health()).status).toBe(200);
  await reflector.close();
});

test('what a store that cannot be opened fails with, the start fails with', async () => {
  const failure = startReflector({ store: () => Promise.reject(new Error('no route')) });
  await expect(failure).rejects.toThrow('no route');
});
