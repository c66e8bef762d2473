import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Opcode } from '../../../protocol/src/index.ts';
import { type Frame, ScriptedAgent } from '../../../reflector-minimal/src/testing/scripted-agent.ts';
import { until } from '../../../reflector-minimal/src/testing/until.ts';
import type { ApiClient } from '../testing/api-client.ts';
import { FollowedSocket } from '../testing/followed-socket.ts';
import { TestServer } from '../testing/test-server.ts';

let server: TestServer;
let alice: ApiClient;
let agent: ScriptedAgent;

beforeAll(async () => {
  server = await TestServer.start({
    own: { desktop: { clipboard: 'toDevice' } },
    limits: { ticketWaitMs: 120_000 },
  });
  alice = await server.signedIn('alice');
  const { body } = await alice.post('/devices', { id: 'pump' });
  const { password, device } = body as { password: string; device: { domain: string } };
  const properties = [{ name: 'targetPorts', value: '22, 80' }];
  agent = await ScriptedAgent.connect(server.reflector.port, {
    id: 'pump',
    domain: device.domain,
    password,
    properties,
  });
  await until(() => server.reflector.presence.local.has('pump'));
});
afterAll(async () => {
  agent.destroy();
  await server.close();
});

/** A page, and how its connection has ended. */
class Page extends FollowedSocket {
  static async open(host = 'desk.localhost', { port } = server.reflector): Promise<Page> {
    const headers = { Host: host, Origin: `http://${host}` };
    const page = new Page(new WebSocket(`ws://127.0.0.1:${port}/tcp`, { headers }));
    await once(page.socket, 'open');
    return page;
  }

  static async with(ticket: string | Buffer): Promise<Page> {
    const page = await Page.open();
    page.socket.send(ticket);
    return page;
  }
}

/** The next connection that is asked for; what comes of former ones before is passed over. */
async function opening(): Promise<Frame> {
  for (;;) {
    const frame = await agent.frame();
    if (frame.opcode === Opcode.openRequest) return frame;
  }
}

async function ticketOf(user: ApiClient, port = 22): Promise<string> {
  const { status, body } = await user.post('/devices/pump/tickets', { port });
  expect(status).toBe(201);
  return (body as { ticket: string }).ticket;
}

const ended = () => server.records.filter(({ event }) => event === 'client-tunnel-end');

test('a ticket opens one connection, both halves of which end by themselves', async () => {
  const ticket = await ticketOf(alice);
  const page = await Page.with(ticket);
  const { channel, payload } = await opening();
  expect(payload.readUInt16BE()).toBe(22);
  agent.confirm(channel);
  page.socket.send(Buffer.from('from the page'));
  expect(String((await agent.expect(Opcode.data)).payload)).toBe('from the page');
  agent.data(channel, 'from the device');
  await until(() => page.received.join('') === 'from the device');
  page.socket.send(Buffer.alloc(0));
  agent.close(channel);
  expect(await page.closed).toBe('1000 ');
  await until(() => ended().length === 1);
  expect(ended()).toMatchObject([{ user: 'alice', device: 'pump', port: 22, bytesFrom: 15, bytesTo: 13 }]);
  expect(await (await Page.with(ticket)).closed).toBe('4401 this ticket was used, or has expired');
});

test('says what a desktop of the domain lets pass', async () => {
  const { body } = await alice.post('/devices/pump/tickets', { port: 22 });
  expect(body).toMatchObject({ seconds: 60, clipboard: { toDevice: true, fromDevice: false } });
});

test('SSH ends at the server only where the configuration allows it', async () => {
  const { body } = await alice.post('/devices/pump/tickets', { port: 22 });
  expect(body).toMatchObject({ sshAtServer: false });
  expect((await alice.post('/devices/pump/tickets', { port: 22, use: 'ssh' })).status).toBe(403);
});

test('what is sent before the device has connected is not lost', async () => {
  const page = await Page.with(await ticketOf(alice));
  const { channel } = await opening();
  page.socket.send(Buffer.from('early '));
  page.socket.send(Buffer.from('bytes'));
  agent.confirm(channel);
  let sent = '';
  while (sent !== 'early bytes') sent += String((await agent.expect(Opcode.data)).payload);
  page.socket.terminate();
  expect((await agent.frame()).channel).toBe(channel);
});

test('ticketBytes: whoever has shown no ticket yet sends no more than one, in any number of frames', async () => {
  const page = await Page.with('x'.repeat(1_000_000));
  expect(await page.closed).toMatch(/^1009 /);
  const slow = await Page.open();
  for (let n = 0; n < 200; n++) slow.socket.send('x', { fin: false });
  expect(await slow.closed).toMatch(/^1009 /);
  const whole = await Page.open();
  // One write, as a page that is in a hurry makes it.
  const ticket = await ticketOf(alice);
  whole.socket.send(ticket);
  whole.socket.send(Buffer.alloc(100_000));
  const { channel } = await opening();
  agent.confirm(channel);
  let received = 0;
  while (received < 100_000) received += (await agent.expect(Opcode.data)).payload.length;
  whole.socket.terminate();
});

test('ticketWaitMs: whoever has none, or sends none, is told', async () => {
  const refused = '4401 this ticket was used, or has expired';
  for (const first of ['x'.repeat(32), Buffer.from(await ticketOf(alice))]) {
    expect(await (await Page.with(first)).closed).toBe(refused);
  }
  const hasty = await TestServer.start({ limits: { ticketWaitMs: 500 } });
  expect(await (await Page.open('desk.localhost', hasty.reflector)).closed).toBe(refused);
  await hasty.close();
  await expect(Page.open('localhost')).rejects.toThrow('401');
  await expect(Page.open('pump.localhost')).rejects.toThrow('401');
});

test('it opens what its user may open then, and ends with their access', async () => {
  await alice.post('/domains', { id: 'acme' });
  await server.addUser('carol');
  const carol = await server.signedIn('carol');
  expect((await carol.post('/devices/pump/tickets', { port: 22 })).status).toBe(403);
  const grant = { user: 'carol', role: 'user', device: 'pump', ports: [22] };
  const { body, status } = await alice.post('/grants', grant);
  expect(status).toBe(201);
  expect(await (await Page.with(await ticketOf(carol, 80))).closed).toMatch(/^4403 /);
  const late = await ticketOf(carol);
  const page = await Page.with(await ticketOf(carol));
  agent.confirm((await opening()).channel);
  page.socket.send(Buffer.from('x'));
  const { id } = body as { id: string };
  expect((await alice.call('DELETE', `/grants/${id}`, undefined, { 'if-match': '*' })).status).toBe(204);
  expect(await page.closed).toMatch(/^1008/);
  expect(await (await Page.with(late)).closed).toMatch(/^4404 /);
});

test('a connection that fails on the device says so', async () => {
  const page = await Page.with(await ticketOf(alice, 99));
  agent.fault((await opening()).channel, 1);
  expect(await page.closed).toMatch(/^4502 The connection/);
});

test('it ends with the password that its user had', async () => {
  await server.addUser('dave');
  const grant = { user: 'dave', role: 'user', device: 'pump', ports: [22] };
  expect((await alice.post('/grants', grant)).status).toBe(201);
  // Without a session, which a new password ends.
  const late = await ticketOf(server.as('dave'));
  await server.reflector.store.users.setPassword('dave', 'another hash');
  expect(await (await Page.with(late)).closed).toMatch(/^4401 /);
});
