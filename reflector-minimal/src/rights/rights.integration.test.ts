import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import type { DeviceAccess, Rights, Sight } from '../ports/rights.ts';
import { ask } from '../testing/ask.ts';
import { BrowserSession } from '../testing/browser-session.ts';
import { RawUser } from '../testing/raw-user.ts';
import { settled } from '../testing/settled.ts';
import { authorization, device, extensions, Stage } from '../testing/stage.ts';
import { until } from '../testing/until.ts';
import { clientTunnelHead, webSocketHead } from '../testing/upgrade-head.ts';

/** What another adapter grants is what a user has, by each way to a device. */

const host = `${device.id}.localhost`;
const forever = Number.POSITIVE_INFINITY;

let stage: Stage;
let clock: ManualClock;
let web: number;
let asked: RawUser[];
let access: DeviceAccess | null;
let sight: Sight;
let valid: number | null;

const rights: Rights = {
  deviceAccess: (_identity, { id }) => (id === device.id ? access : null),
  sight: () => sight,
  validUntil: () => valid,
};

beforeEach(async () => {
  clock = new ManualClock();
  [asked, access, sight, valid] = [
    [],
    { ports: null, until: forever },
    { domains: [], devices: [device.id] },
    forever,
  ];
  stage = await Stage.open({ clock, cookieHost: 'view.example', rights: () => rights });
  ({ port: web } = await stage.web((_request, response) => response.write('first'), { extensions }));
});
afterEach(async () => {
  for (const user of asked) user.destroy();
  await stage.close();
});

const kinds = {
  'a request': () => `GET / HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${authorization}\r\n\r\n`,
  'a request to a port by its host': () =>
    `GET / HTTP/1.1\r\nHost: ${device.id}-${web}.localhost\r\nAuthorization: ${authorization}\r\n\r\n`,
  'a WebSocket': () => webSocketHead([]),
  'a client tunnel': () => clientTunnelHead(web),
  CONNECT: () =>
    `CONNECT ${host}:${web} HTTP/1.1\r\nHost: ${host}:${web}\r\nProxy-Authorization: ${authorization}\r\n\r\n`,
};

async function send(head: string): Promise<RawUser> {
  const user = new RawUser(stage.port);
  asked.push(user);
  user.send(head);
  await until(() => user.received.includes('\r\n\r\n'));
  return user;
}

describe.each(Object.entries(kinds))('%s', (title, head) => {
  const isWebSocket = title === 'a WebSocket';

  // The service does not know WebSockets.
  test.skipIf(isWebSocket)('to a port that is granted is let in', async () => {
    for (const ports of [['web'], [web], null] as const) {
      access = { ports, until: forever };
      const { statuses } = await send(head());
      expect(statuses.every((status) => status === 200 || status === 101)).toBe(true);
    }
  });

  test('to another port is told what is granted; what is not seen does not exist', async () => {
    access = { ports: [22], until: forever };
    const refused = await send(head());
    expect(refused.statuses).toEqual([403]);
    expect(refused.received).toContain(`You may not open port ${web} of this device: you may open port 22`);
    access = null;
    expect((await send(head())).statuses).toEqual([404]);
  });

  test.skipIf(isWebSocket)('ends within one poll of the end of what was granted', async () => {
    const end = clock.date() + 3_600_000;
    access = { ports: ['web'], until: end };
    const user = await send(head());
    clock.advance(defaultLimits.storePollMs);
    await settled();
    expect(user.closed).toBe(false);
    access = null;
    clock.advance(3_600_000 - 2 * defaultLimits.storePollMs);
    await settled();
    expect(user.closed).toBe(false);
    clock.advance(defaultLimits.storePollMs);
    await until(() => user.closed);
  });
});

test('SSH is no web interface', async () => {
  access = { ports: ['web'], until: forever };
  const user = await send(clientTunnelHead(22));
  expect(user.statuses).toEqual([403]);
  expect(user.received).toContain('you may open its web interface');
});

test('lists have the devices seen, and a way to those that may be opened', async () => {
  await stage.addDevice('dev2');
  const own = { host: 'localhost' };
  const ids = async () => {
    const answer = await ask(stage.port, '/my-devices/api/devices', own);
    return (JSON.parse(answer.text) as { devices: { id: string }[] }).devices.map(({ id }) => id);
  };
  expect(await ids()).toEqual(['dev1']);
  expect((await ask(stage.port, '/my-devices/api/devices/dev2', own)).status).toBe(404);
  expect((await ask(stage.port, '/my-devices/api/devices/dev1', own)).status).toBe(200);
  expect((await ask(stage.port, '/', own)).text).toContain(`href="http://${host}`);
  access = { ports: [], until: forever };
  expect((await ask(stage.port, '/', own)).text).not.toContain(`href="http://${host}`);
  sight = { domains: [], devices: [] };
  expect(await ids()).toEqual([]);
});

test('a browser gets no session on the host of a device that its user does not see', async () => {
  const open = async () => {
    const browser = await BrowserSession.open(stage, clock);
    const query = new URLSearchParams({ host: device.id, nonce: 'a'.repeat(22), to: '/' });
    const headers = { Authorization: [], Cookie: browser.ownCookie };
    return ask(stage.port, `/my-devices/open?${query}`, { host: 'localhost', headers });
  };
  expect((await open()).status).toBe(303);
  access = null;
  expect((await open()).status).toBe(404);
});
