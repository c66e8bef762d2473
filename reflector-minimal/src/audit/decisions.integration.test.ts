import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { ask } from '../testing/ask.ts';
import { BrowserSession } from '../testing/browser-session.ts';
import { device, Stage, user } from '../testing/stage.ts';
import { clientTunnelHead, webSocketHead } from '../testing/upgrade-head.ts';
import { WebSocketPeer } from '../testing/web-socket-peer.ts';

/** What a running reflector records. */

let folder: string;
let path: string;
let stage: Stage;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rm-audit-'));
  path = join(folder, 'audit.log');
  stage = await Stage.open({ audit: path });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Ends the reflector, and gives the records of some kinds without what differs from run to run. */
async function records(...events: string[]): Promise<Record<string, unknown>[]> {
  await stage.close();
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ event }) => events.includes(String(event)))
    .map(({ time: _time, ms: _ms, ...record }) => record);
}

const who = { user: user.name, address: '127.0.0.1', device: device.id };

test('requests: who, how, which device and port, from where, how many and how much', async () => {
  const { port } = await stage.web((request, response) =>
    request.resume().on('end', () => response.end('12345')),
  );
  for (let i = 0; i < 3; i++) await ask(stage.port, '/', { method: 'POST', body: '123' });
  const cookie = await (await BrowserSession.open(stage)).deviceCookie(device.id);
  await ask(stage.port, '/', { headers: { Cookie: cookie, Authorization: [] } });
  const by = (credential: string) => ({ allowed: true, ...who, by: credential, port });
  expect(await records('request', 'requests')).toEqual([
    { event: 'request', ...by('password') },
    { event: 'request', ...by('session') },
    { event: 'requests', ...by('password'), times: 2, bytesFrom: 15, bytesTo: 9 },
    { event: 'requests', ...by('session'), times: 0, bytesFrom: 5, bytesTo: 0 },
  ]);
});

test('refusals: with what is known of who asked, and no secret', async () => {
  await ask(stage.port, '/', { headers: { Authorization: 'Basic YWxpY2U6c2VjcmV0' } });
  await ask(stage.port, '/', { host: 'nobody.localhost' });
  await ask(stage.port, '/');
  const headers = {
    Cookie: await (await BrowserSession.open(stage)).deviceCookie(device.id),
    Authorization: [],
  };
  await ask(stage.port, '/', { method: 'POST', headers });
  const refused = await records('request');
  expect(refused).toEqual([
    { event: 'request', allowed: false, ...who, reason: 'Please log in' },
    {
      event: 'request',
      allowed: false,
      user: user.name,
      by: 'password',
      address: '127.0.0.1',
      reason: 'There is no device “nobody”',
    },
    { event: 'request', allowed: false, ...who, by: 'password', reason: 'The device “dev1” is off line' },
    {
      event: 'request',
      allowed: false,
      ...who,
      by: 'session',
      reason: 'A page of another host has asked for this',
    },
  ]);
  expect(readFileSync(path, 'utf8')).not.toMatch(/YWxpY2U6c2VjcmV0|secret|rm-device/);
});

test("refusals on the reflector's own host: passwords that are tried, and pages of others", async () => {
  const list = (headers: Record<string, string | string[]>) =>
    ask(stage.port, '/my-devices/api/devices', { host: 'localhost', headers });
  await list({ Authorization: 'Basic YWxpY2U6c2VjcmV0' });
  await list({ Authorization: 'Bearer nonsense' });
  await list({ Authorization: [] });
  await list({
    Authorization: [],
    Cookie: (await BrowserSession.open(stage)).ownCookie,
    Origin: 'http://dev1.localhost',
  });
  const [address, allowed] = ['127.0.0.1', false];
  expect(await records('log-in', 'request')).toEqual([
    { event: 'log-in', allowed, user: user.name, address, reason: 'refused' },
    { event: 'log-in', allowed, address, reason: 'refused' },
    {
      ...{ event: 'request', allowed, user: user.name, by: 'session', address },
      reason: 'A page of another host has asked for this',
    },
  ]);
});

test('client tunnels, their ends with bytes, and those refused', async () => {
  const { port } = await stage.web((_request, response) => response.end('12345'));
  await WebSocketPeer.connect(stage.port, clientTunnelHead(9)).catch(() => {});
  // A session of a browser opens none, as there are no programs with one.
  const credentials = `Cookie: ${await (await BrowserSession.open(stage)).deviceCookie(device.id)}\r\nOrigin: http://dev1.localhost`;
  await WebSocketPeer.connect(stage.port, clientTunnelHead(port, { credentials })).catch(() => {});
  const peer = await WebSocketPeer.connect(stage.port, clientTunnelHead(port));
  peer.socket.destroy();
  const tunnel = { ...who, by: 'password', port };
  expect(await records('client-tunnel', 'client-tunnel-end')).toEqual([
    {
      event: 'client-tunnel',
      allowed: false,
      ...tunnel,
      port: 9,
      reason: 'The device does not forward port 9',
    },
    {
      event: 'client-tunnel',
      allowed: false,
      ...who,
      by: 'session',
      reason: 'TCP connections are for programs, with a token or a password',
    },
    { event: 'client-tunnel', allowed: true, ...tunnel },
    { event: 'client-tunnel-end', allowed: true, ...tunnel, bytesFrom: 0, bytesTo: 0 },
  ]);
});

test('every entrance of the own host: who was let in, and by what', async () => {
  const { store } = stage.reflector;
  const own = (
    headers: Record<string, string | string[]>,
    path = '/my-devices/api/devices',
    method = 'GET',
  ) => ask(stage.port, path, { host: 'localhost', headers, method });
  const basic = (password: string) => `Basic ${Buffer.from(`${user.name}:${password}`).toString('base64')}`;
  expect((await own({ Authorization: basic(user.password) })).status).toBe(200);
  expect((await own({ Authorization: basic(user.password) })).status).toBe(200);
  expect(
    (await own({ Authorization: basic(user.password) }, `/my-devices/api/devices/${device.id}`)).status,
  ).toBe(200);
  expect((await own({ Authorization: basic(user.password) }, '/my-devices/api/devices/none')).status).toBe(
    404,
  );
  expect((await own({ Authorization: basic('guess') })).status).toBe(401);
  const answer = await ask(stage.port, '/my-devices/api/token', {
    host: 'localhost',
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: [] },
    body: new URLSearchParams({ username: user.name, password: user.password }).toString(),
  });
  const { token } = JSON.parse(answer.text) as { token: string };
  expect((await own({ Authorization: `Bearer ${token}` })).status).toBe(200);
  expect((await own({ Authorization: `Bearer ${token}x` }, '/my-devices/api/token', 'DELETE')).status).toBe(
    401,
  );
  const cookie = (await BrowserSession.open(stage)).ownCookie;
  expect((await own({ Authorization: [], Cookie: cookie }, '/')).status).toBe(200);
  expect(await store.users.page('', 10)).toHaveLength(1);
  const seen = await records('request', 'requests', 'log-in', 'log-out', 'token');
  const from = { user: user.name, address: '127.0.0.1' };
  const ours = { event: 'request', allowed: true, ...from };
  const sums = seen.filter(({ event }) => event === 'requests');
  expect(seen.filter(({ event }) => event !== 'requests')).toEqual([
    { ...ours, by: 'password' },
    { ...ours, by: 'password', allowed: false, reason: 'There is no device “none”' },
    { event: 'log-in', allowed: false, ...from, reason: 'refused' },
    { event: 'token', allowed: true, ...from, by: 'password' },
    { ...ours, by: 'token' },
    { event: 'log-out', allowed: false, address: '127.0.0.1', reason: 'no token that is good' },
    { ...ours, by: 'session' },
  ]);
  expect(sums).toMatchObject([{ by: 'password', times: 3 }]);
});

test('a device without a web interface', async () => {
  await stage.agent({ properties: [] });
  expect((await ask(stage.port, '/')).status).toBe(502);
  const [refused] = await records('request');
  expect(refused).toEqual({
    event: 'request',
    allowed: false,
    ...who,
    by: 'password',
    reason: 'The device “dev1” forwards no web interface',
  });
});

test('a flood of failed log-ins, of whatever names, wears nothing out', async () => {
  const post = (name: string) =>
    ask(stage.port, '/my-devices/api/token', {
      host: 'localhost',
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: [] },
      body: `username=${name}&password=wrong`,
    });
  const began = performance.now();
  for (let i = 0; i < 130; i++) await post(`name${i}`);
  // Forgotten evenly while the flood goes on, which takes its time on a busy machine.
  const { auditStrangers, auditQuietMs } = defaultLimits;
  const forgotten = ((performance.now() - began) * auditStrangers) / (10 * auditQuietMs);
  const failed = await records('token', 'tokens');
  expect(failed[0]).toMatchObject({ event: 'token', allowed: false, user: 'name0', address: '127.0.0.1' });
  expect(failed).toContainEqual({ event: 'token', allowed: false, reason: 'from many strangers' });
  expect(failed.length).toBeLessThan(auditStrangers + forgotten + 5);
});

test('devices that connect, that leave, and that are refused', async () => {
  await stage.agent({ password: 'mistyped' }).catch(() => {});
  const agent = await stage.agent();
  agent.destroy();
  const tunnel = { device: device.id, address: '127.0.0.1' };
  const recorded = await records('device-tunnel', 'device-tunnel-end');
  expect(recorded).toMatchObject([
    { allowed: false, ...tunnel, reason: 'wrong password' },
    { event: 'device-tunnel', allowed: true, ...tunnel },
    { event: 'device-tunnel-end', allowed: true, ...tunnel, bytesFrom: 0, bytesTo: 0 },
  ]);
  expect(readFileSync(path, 'utf8')).not.toContain('mistyped');
});

test('a browser that is sent to a device it may not open: refused, with the reason', async () => {
  const { ownCookie } = await BrowserSession.open(stage);
  const open = (query: string) =>
    ask(stage.port, `/my-devices/open?${query}&to=%2F`, {
      host: 'localhost',
      headers: { Cookie: ownCookie, Authorization: [] },
    });
  const nonce = 'n'.repeat(22);
  expect((await open(`host=nobody&nonce=${nonce}`)).status).toBe(404);
  expect((await open('host=dev1&nonce=short')).status).toBe(403);
  expect((await open(`host=dev1&nonce=${nonce}`)).status).toBe(303);
  const refused = {
    event: 'device-session',
    allowed: false,
    user: user.name,
    by: 'session',
    address: '127.0.0.1',
  };
  expect(await records('device-session')).toEqual([
    { ...refused, reason: 'There is no device “nobody”' },
    { ...refused, reason: expect.stringMatching(/./) },
  ]);
});

test('an upgrade: how much each side has sent, what came with the heads included', async () => {
  const { server } = await stage.web((_request, response) => response.end());
  server.on('upgrade', (_request, socket: Duplex) => {
    socket.write('HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello');
    let received = 0;
    socket.on('data', (bytes: Buffer) => {
      received += bytes.length;
      if (received === 13) socket.end('bye');
    });
  });
  const socket = connect(stage.port, '127.0.0.1');
  socket.write(`${webSocketHead([], { path: '/', connection: 'Upgrade' })}early`);
  let answer = '';
  socket.on('data', (bytes) => {
    if (answer === '') socket.write('and late');
    answer += bytes.toString('latin1');
  });
  socket.on('end', () => socket.end());
  await once(socket, 'close');
  expect(answer).toMatch(/hellobye$/);
  expect(await records('upgrades', 'upgrade', 'upgrade-end')).toContainEqual(
    expect.objectContaining({ bytesFrom: 8, bytesTo: 13 }),
  );
});
