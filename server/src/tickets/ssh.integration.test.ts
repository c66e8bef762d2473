import { once } from 'node:events';
import type { Clock } from 'rm-protocol';
import { systemClock } from 'rm-reflector/program';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Opcode } from '../../../protocol/src/index.ts';
import { type Frame, ScriptedAgent } from '../../../reflector-minimal/src/testing/scripted-agent.ts';
import { until } from '../../../reflector-minimal/src/testing/until.ts';
import type { Limits } from '../limits.ts';
import { limits } from '../ssh/limits.ts';
import type { ApiClient } from '../testing/api-client.ts';
import { FollowedSocket } from '../testing/followed-socket.ts';
import { TestServer } from '../testing/test-server.ts';

/** What a page may do at `/ssh`, and how its connection ends; the device speaks no SSH here. */

interface Stage {
  readonly server: TestServer;
  readonly alice: ApiClient;
  readonly agent: ScriptedAgent;
}

async function stageWith(limits: Partial<Limits>, clock: Clock = systemClock): Promise<Stage> {
  const server = await TestServer.start({ own: { terminal: { sshAtServer: 'allowed' } }, limits, clock });
  const alice = await server.signedIn('alice');
  const { body } = await alice.post('/devices', { id: 'pump' });
  const { password, device } = body as { password: string; device: { domain: string } };
  const agent = await ScriptedAgent.connect(server.reflector.port, {
    id: 'pump',
    domain: device.domain,
    password,
    properties: [{ name: 'targetPorts', value: '22' }],
  });
  await until(() => server.reflector.presence.local.has('pump'));
  return { server, alice, agent };
}

let stage: Stage;
let { server, alice, agent } = {} as Stage;
const use = (used: Stage) => {
  stage = used;
  ({ server, alice, agent } = used);
};
beforeAll(async () => use(await stageWith({ ticketWaitMs: 120_000 })));
const end = async () => {
  agent.destroy();
  await server.close();
};
afterAll(end);

class Page extends FollowedSocket {
  static async with(ticket: string, path = '/ssh'): Promise<Page> {
    const headers = { Host: 'desk.localhost', Origin: 'http://desk.localhost' };
    const page = new Page(new WebSocket(`ws://127.0.0.1:${server.reflector.port}${path}`, { headers }));
    await once(page.socket, 'open');
    page.socket.send(ticket);
    return page;
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }
}

async function opening(): Promise<Frame> {
  for (;;) {
    const frame = await agent.frame();
    if (frame.opcode === Opcode.openRequest) return frame;
  }
}

async function ticketOf(user: ApiClient, use: 'tcp' | 'ssh' = 'ssh'): Promise<string> {
  const { status, body } = await user.post('/devices/pump/tickets', { port: 22, use });
  expect(status).toBe(201);
  return (body as { ticket: string }).ticket;
}

const begin = { type: 'begin', known: null };

test('no ticket is good for the other use, and none twice', async () => {
  const refused = '4401 this ticket was used, or has expired';
  expect(await (await Page.with(await ticketOf(alice, 'tcp'))).closed).toBe(refused);
  expect(await (await Page.with(await ticketOf(alice, 'ssh'), '/tcp')).closed).toBe(refused);
  const ticket = await ticketOf(alice);
  const page = await Page.with(ticket);
  agent.confirm((await opening()).channel);
  expect(await (await Page.with(ticket)).closed).toBe(refused);
  page.socket.terminate();
});

test('what is no SSH server is said, and the connection is counted', async () => {
  const page = await Page.with(await ticketOf(alice));
  page.say(begin);
  const { channel } = await opening();
  agent.confirm(channel);
  agent.data(channel, '220 pump FTP ready\r\n'.repeat(30));
  expect(await page.closed).toMatch(/^1000 /);
  expect(page.received).toEqual(['{"type":"failed","key":"ssh.failed"}']);
  agent.close(channel);
  const ended = () =>
    server.records.find(({ event, bytesFrom }) => event === 'client-tunnel-end' && bytesFrom);
  await until(() => ended() !== undefined);
  expect(ended()).toMatchObject({ user: 'alice', device: 'pump', port: 22, bytesFrom: 600 });
});

test('a device that ends in order has not cut the connection, and is not reset', async () => {
  const page = await Page.with(await ticketOf(alice));
  page.say(begin);
  const { channel } = await opening();
  agent.confirm(channel);
  agent.data(channel, 'Too many connections\r\n');
  agent.close(channel);
  expect(await page.closed).toMatch(/^1000 /);
  expect(page.received).toEqual(['{"type":"failed","key":"ssh.failed"}']);
  const opcodes: number[] = [];
  while (opcodes.at(-1) !== Opcode.close) {
    const frame = await agent.frame();
    if (frame.channel === channel) opcodes.push(frame.opcode);
  }
  expect(opcodes).not.toContain(Opcode.error);
});

test('a page that says what it may not, or nothing, ends its connection alone', async () => {
  for (const message of ['{}', 'x', JSON.stringify({ type: 'shell', columns: 80, rows: 24 }), Buffer.of(1)]) {
    const page = await Page.with(await ticketOf(alice));
    page.socket.send(message);
    agent.confirm((await opening()).channel);
    expect(await page.closed).toBe('1002 begin is expected');
  }
});

test('messageBytes: a longer message ends the connection', async () => {
  const page = await Page.with(await ticketOf(alice));
  agent.confirm((await opening()).channel);
  page.socket.send('x'.repeat(limits.messageBytes + 1));
  expect(await page.closed).toMatch(/^1009/);
});

test.each([
  [
    'sshThreads: of more terminals than that, the last is told',
    { sshThreads: 2 },
    /^4429 too many terminals/,
  ],
  ['sshThreadsPerUser: nobody has more than that', { sshThreadsPerUser: 2 }, /^4429 you have too many/],
])('%s', async (_title, bounds, told) => {
  const usual = stage;
  use(await stageWith(bounds));
  const pages: Page[] = [];
  for (let n = 0; n < 2; n++) {
    pages.push(await Page.with(await ticketOf(alice)));
    agent.confirm((await opening()).channel);
  }
  expect(await (await Page.with(await ticketOf(alice))).closed).toMatch(told);
  for (const page of pages) {
    page.socket.send('{}');
    expect(await page.closed).toBe('1002 begin is expected');
  }
  const next = await Page.with(await ticketOf(alice));
  agent.confirm((await opening()).channel);
  next.socket.terminate();
  await end();
  use(usual);
});

/** The system's, but for the timers of this length, of which `fire` runs the last one. */
function firedClock(length: number) {
  const fired = { count: 0, fire: () => {} };
  const clock: Clock = {
    now: () => systemClock.now(),
    date: () => systemClock.date(),
    schedule(ms, run) {
      if (ms === length) {
        fired.count++;
        fired.fire = run;
      }
      return systemClock.schedule(ms, run);
    },
  };
  return { clock, fired };
}

/** The opcode of the frame that ends the channel. */
async function endOf(channel: number): Promise<number> {
  for (;;) {
    const frame = await agent.frame();
    if (frame.channel === channel && [Opcode.close, Opcode.error].some((end) => end === frame.opcode))
      return frame.opcode;
  }
}

test('a page that goes away while keys are exchanged leaves the device in order', async () => {
  const usual = stage;
  use(await stageWith({ sshPartingMs: 3_600_000 }));
  const page = await Page.with(await ticketOf(alice));
  page.say(begin);
  const { channel } = await opening();
  agent.confirm(channel);
  page.socket.close();
  expect(await endOf(channel)).toBe(Opcode.close);
  await end();
  use(usual);
});

test('sshLogInMs: a page that has no shell by then loses its connection to the device', async () => {
  const usual = stage;
  const sshLogInMs = 3_600_001;
  const { clock, fired } = firedClock(sshLogInMs);
  use(await stageWith({ sshLogInMs }, clock));
  const page = await Page.with(await ticketOf(alice));
  page.say(begin);
  const { channel } = await opening();
  agent.confirm(channel);
  fired.fire();
  expect(await page.closed).toBe('4408 nobody has logged in to the device in time');
  await endOf(channel);
  await end();
  use(usual);
});

test('it ends with the access of its user, and what fails on the device is said', async () => {
  await server.addUser('carol');
  const grant = { user: 'carol', role: 'user', device: 'pump', ports: [22] };
  const { body } = await alice.post('/grants', grant);
  const carol = await server.signedIn('carol');
  const page = await Page.with(await ticketOf(carol));
  page.say(begin);
  agent.confirm((await opening()).channel);
  const { id } = body as { id: string };
  expect((await alice.call('DELETE', `/grants/${id}`, undefined, { 'if-match': '*' })).status).toBe(204);
  expect(await page.closed).toMatch(/^1008/);
  const failed = await Page.with(await ticketOf(alice));
  agent.fault((await opening()).channel, 1);
  expect(await failed.closed).toMatch(/^4502 The connection/);
});
