import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { deviceSecrets } from '../devices/digest-secrets.ts';
import { defaultLimits } from '../limits.ts';
import { accountOf } from '../testing/account-of.ts';
import { ask } from '../testing/ask.ts';
import { BrowserSession } from '../testing/browser-session.ts';
import { authorization, device, domain, extensions, Stage, user } from '../testing/stage.ts';
import { clientTunnelHead } from '../testing/upgrade-head.ts';
import { WebSocketPeer } from '../testing/web-socket-peer.ts';

/** What goes on ends within one poll once it would not be let in any more, whatever let it in. */

let stage: Stage;
let clock: ManualClock;
let port: number;

beforeEach(async () => {
  clock = new ManualClock();
  stage = await Stage.open({ clock, sessionIdle: 600, limits: { closeMs: 50 } });
  // A response that has no end of its own.
  ({ port } = await stage.web((_request, response) => response.write('first'), { extensions }));
});
afterEach(() => stage.close());

async function token(): Promise<string> {
  const answer = await ask(stage.port, '/my-devices/api/token', {
    host: 'localhost',
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: [] },
    body: new URLSearchParams({ username: user.name, password: user.password }).toString(),
  });
  return (JSON.parse(answer.text) as { token: string }).token;
}

const credentials = {
  password: async () => `Authorization: ${authorization}`,
  token: async () => `Authorization: Bearer ${await token()}`,
  session: async () => `Cookie: ${await (await BrowserSession.open(stage, clock)).deviceCookie(device.id)}`,
} as const;

/** A response that goes on. */
async function stream(line: string, version = '1.1'): Promise<Socket> {
  const socket = connect(stage.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`GET / HTTP/${version}\r\nHost: ${device.id}.localhost\r\n${line}\r\n\r\n`);
  const [head] = (await once(socket, 'data')) as [Buffer];
  expect(head.toString()).toMatch(/^HTTP\/1\.1 200 /);
  return socket;
}

/** A TCP connection to the device. */
async function tunnel(line: string): Promise<Socket> {
  const head = clientTunnelHead(port).replace(/Authorization: [^\r]*/, line);
  return (await WebSocketPeer.connect(stage.port, head)).socket;
}

async function renewDevice(): Promise<void> {
  const { devices } = stage.reflector.store;
  const secrets = await deviceSecrets(device.id, domain, device.password, false);
  await devices.remove(device.id, clock.date());
  await devices.add({ id: device.id, domain, secrets }, clock.date(), null);
}

const changes: readonly (readonly [string, () => void | Promise<void>])[] = [
  [
    'one-time passwords are switched on',
    async () =>
      void stage.reflector.store.users.setTotp(await accountOf(stage.reflector.store, user.name), {
        secret: Buffer.alloc(20),
        step: 0,
        recovery: [],
      }),
  ],
  ['the password is changed', () => void stage.reflector.store.users.setPassword(user.name, 'another')],
  ['the user is an administrator no more', () => void stage.reflector.store.users.demote(user.name, true)],
  ['the user is removed', () => void stage.reflector.store.users.remove(user.name, true)],
  ['the device is made anew', renewDevice],
];

describe.each(changes)('when %s', (_title, change) => {
  test.each([
    ['a response by password', stream, credentials.password],
    ['a response by token', stream, credentials.token],
    ['a response by session', stream, credentials.session],
    ['a connection by password', tunnel, credentials.password],
    ['a connection by token', tunnel, credentials.token],
  ] as const)('%s ends', async (_what, open, credential) => {
    const socket = await open(await credential());
    const closed = once(socket, 'close');
    clock.advance(defaultLimits.storePollMs);
    expect(socket.destroyed).toBe(false);
    await change();
    clock.advance(defaultLimits.storePollMs);
    await closed;
  });
});

test('a response that only the end of its connection delimits is reset, and does not look whole', async () => {
  const socket = await stream(await credentials.password(), '1.0');
  const failed = once(socket, 'error');
  await stage.reflector.store.users.remove(user.name, true);
  clock.advance(defaultLimits.storePollMs);
  expect(await failed).toMatchObject([{ code: 'ECONNRESET' }]);
});

test('a stream does not keep its session from idling out, and ends with it', async () => {
  const socket = await stream(await credentials.session());
  const closed = once(socket, 'close');
  for (let seconds = 0; seconds < 598; seconds += 2) clock.advance(2_000);
  expect(socket.destroyed).toBe(false);
  clock.advance(4_000);
  await closed;
});

test('a device that is made anew has neither the tunnel nor what the former one has said of itself', async () => {
  await renewDevice();
  expect((await ask(stage.port, '/')).text).toBe('The device “dev1” is off line\n');
  const list = await ask(stage.port, '/my-devices/api/devices', { host: 'localhost' });
  expect(JSON.parse(list.text)).toMatchObject({
    devices: [{ id: device.id, online: false, ports: [], lastSeen: null }],
  });
  const former = stage.reflector.presence.local.get(device.id);
  clock.advance(defaultLimits.storePollMs);
  expect(former).not.toBeNull();
  await stage.agent({ properties: [{ name: 'name', value: 'new' }] });
  expect(stage.reflector.presence.local.get(device.id)).not.toBe(former);
  expect(await stage.reflector.store.devices.get(device.id)).toMatchObject({
    connects: 1,
    properties: { name: 'new' },
  });
});
