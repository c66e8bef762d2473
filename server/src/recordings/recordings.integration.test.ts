import type { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from 'rm-protocol';
import { systemClock } from 'rm-reflector/program';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { until } from '../../../reflector-minimal/src/testing/until.ts';
import type { ServerMessage } from '../ssh/messages.ts';
import type { ApiClient } from '../testing/api-client.ts';
import { fillRecordings } from '../testing/recordings-folder.ts';
import { ports, TerminalStage } from '../testing/terminal-stage.ts';
import { TestServer } from '../testing/test-server.ts';

/** A terminal of OpenSSH behind a real agent, recorded: who sees it, and what is in it. */

let stage: TerminalStage;
const logged: string[] = [];
const sshLogInMs = 3_600_001;
let logInsWaitedFor = 0;
/** Counts the timers of log-ins that have not come yet. */
const clock: Clock = {
  now: () => systemClock.now(),
  date: () => systemClock.date(),
  schedule(ms, run) {
    const timer = systemClock.schedule(ms, run);
    if (ms !== sshLogInMs) return timer;
    logInsWaitedFor++;
    let isOver = false;
    return {
      cancel() {
        timer.cancel();
        if (!isOver) logInsWaitedFor--;
        isOver = true;
      },
    };
  },
};
let key: { readonly publicKey: webcrypto.CryptoKey; readonly privateKey: webcrypto.CryptoKey };
beforeAll(async () => {
  const own = { recording: { domains: { acme: 'always' } } };
  // One recording takes all the room.
  const oneAtOnce = {
    recordings: 1,
    recordingsUserShare: 1,
    recordingsDomainShare: 1,
    recordingsDeviceShare: 1,
    recordingHeldMs: 1,
  };
  stage = await TerminalStage.start({ logged, own, clock, limits: { sshLogInMs, ...oneAtOnce } });
  key = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify'])) as typeof key;
  const raw = Buffer.from(await crypto.subtle.exportKey('raw', key.publicKey));
  const blob = Buffer.concat([
    Buffer.from('0000000b', 'hex'),
    Buffer.from('ssh-ed25519'),
    Buffer.from('00000020', 'hex'),
    raw,
  ]);
  appendFileSync(stage.openSsh.authorizedKeys, `ssh-ed25519 ${blob.toString('base64')}\n`);
});
afterAll(() => stage?.close());

/** A page, as far as the server sees it. */
class Page {
  readonly socket: WebSocket;
  readonly closed: Promise<string>;
  readonly running: Promise<void>;
  shown = '';
  #run = () => {};

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.running = new Promise((resolve) => {
      this.#run = resolve;
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve(`${code} ${reason}`));
    });
    socket.on('error', () => {});
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.#heard(data, isBinary).catch(() => socket.terminate());
    });
  }

  static async begin(): Promise<Page> {
    const { body } = await stage.alice.post('/devices/pump/tickets', { port: ports.openSsh, use: 'ssh' });
    const headers = { Host: 'desk.localhost', Origin: 'http://desk.localhost' };
    const page = new Page(new WebSocket(`ws://127.0.0.1:${stage.server.reflector.port}/ssh`, { headers }));
    await once(page.socket, 'open');
    page.socket.send((body as { readonly ticket: string }).ticket);
    page.say({ type: 'begin', known: null });
    return page;
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  type(text: string): void {
    this.socket.send(Buffer.from(text));
  }

  async #heard(data: Buffer, isBinary: boolean): Promise<void> {
    if (isBinary) {
      this.shown += data.toString();
      this.say({ type: 'taken', bytes: data.length });
      return;
    }
    const message = JSON.parse(data.toString()) as ServerMessage;
    if (message.type === 'hostKey') {
      const publicKey = Buffer.from(await crypto.subtle.exportKey('raw', key.publicKey)).toString('base64');
      this.say({ type: 'key', user: stage.openSsh.user, publicKey });
    }
    if (message.type === 'sign') {
      const signed = await crypto.subtle.sign(
        { name: 'Ed25519' },
        key.privateKey,
        Buffer.from(message.data, 'base64'),
      );
      this.say({ type: 'signature', signature: Buffer.from(signed).toString('base64') });
    }
    if (message.type === 'shell') this.#run();
    if (message.type === 'loggedIn') this.say({ type: 'shell', columns: 80, rows: 24 });
  }
}

const any = { 'if-match': '*' };

test('what a terminal shows is kept, and not what is typed unseen; it is played and deleted by those who may', async () => {
  const ticket = await stage.alice.post('/devices/pump/tickets', { port: ports.openSsh });
  expect(ticket.body).toMatchObject({ recorded: true, sshAtServer: true });
  const page = await Page.begin();
  await page.running;
  expect(logInsWaitedFor).toBe(0);
  page.type('echo shown-$((40+2)); read -s secret; echo over-$((1+1))\r');
  await until(() => page.shown.includes('shown-42'));
  page.type('hush-hush\r');
  await until(() => page.shown.includes('over-2'));
  const { body } = await stage.alice.get('/recordings?device=pump');
  const [recording] = (body as { items: { id: string; open: boolean }[] }).items;
  expect(recording).toMatchObject({ user: 'alice', device: 'pump', domain: 'acme', port: 22, open: true });
  const path = `/recordings/${recording?.id}`;
  expect((await stage.alice.call('DELETE', path, undefined, any)).status).toBe(409);
  page.type('exit\r');
  expect(await page.closed).toMatch(/^1000/);
  const played = await stage.alice.get(path);
  expect([played.status, JSON.parse(played.text.split('\n', 1)[0] ?? '')]).toMatchObject([
    200,
    { version: 2, width: 80 },
  ]);
  expect(played.text).toContain('shown-42');
  expect(played.text).not.toContain('hush-hush');
  const seen = () => stage.server.records.find(({ event }) => event === 'getRecording');
  await until(() => seen() !== undefined);
  expect(seen()).toMatchObject({
    user: 'alice',
    device: 'pump',
    detail: `recording ${recording?.id} of alice`,
  });
  // Others.
  const bob = await stage.server.signedIn('bob');
  expect([(await bob.get('/recordings')).status, (await bob.get(path)).status]).toEqual([403, 403]);
  await stage.server.addUser('carol');
  await stage.server.addUser('dora');
  expect((await stage.alice.post('/domains', { id: 'other' })).status).toBe(201);
  for (const [user, domain] of [
    ['carol', 'acme'],
    ['dora', 'other'],
  ]) {
    expect((await stage.alice.post('/grants', { user, role: 'auditor', domain })).status).toBe(201);
  }
  const carol = await stage.server.signedIn('carol');
  const dora = await stage.server.signedIn('dora');
  expect([(await carol.get(path)).status, (await dora.get(path)).status]).toEqual([200, 404]);
  expect((await dora.get('/recordings')).body).toEqual({ items: [], next: null });
  expect((await carol.call('DELETE', path, undefined, any)).status).toBe(403);
  expect((await stage.alice.call('DELETE', path, undefined, any)).status).toBe(204);
  expect((await stage.alice.get(path)).status).toBe(404);
});

test('what is older than its domain is not seen by who has got the name since', async () => {
  const server = await TestServer.start({ fill: fillRecordings });
  onTestFinished(() => server.close());
  const alice = await server.signedIn('alice');
  const recordings = async (client: ApiClient) =>
    ((await client.get('/recordings')).body as { items: { id: string }[] }).items;
  const [recording] = await recordings(alice);
  expect(await recordings(alice)).toHaveLength(2);
  await server.addUser('carol');
  expect((await alice.post('/domains', { id: 'acme' })).status).toBe(201);
  expect((await alice.post('/grants', { user: 'carol', role: 'auditor', domain: 'acme' })).status).toBe(201);
  const carol = await server.signedIn('carol');
  expect(await recordings(carol)).toEqual([]);
  expect((await carol.get(`/recordings/${recording?.id}`)).status).toBe(404);
  expect(await recordings(alice)).toHaveLength(2);
});

test('one that makes room for another is in the audit log', async () => {
  const kept = async () => ((await stage.alice.get('/recordings')).body as { items: { id: string }[] }).items;
  const ids: (string | undefined)[] = [];
  for (let n = 0; n < 2; n++) {
    const page = await Page.begin();
    await page.running;
    page.type('echo seen-$((40+2))\r');
    await until(() => page.shown.includes('seen-42'));
    const [one, ...others] = await kept();
    expect(others).toEqual([]);
    ids.push(one?.id);
    page.type('exit\r');
    expect(await page.closed).toMatch(/^1000/);
    // Its end is written after that of the page: then it is not open any more.
    await until(async () => (await stage.alice.get(`/recordings/${one?.id}`)).text.includes('"m","end"'));
  }
  const gone = () => stage.server.records.find(({ event }) => event === 'recording-made-room');
  await until(() => gone() !== undefined);
  expect(gone()).toMatchObject({ device: 'pump', detail: `recording ${ids[0]} of alice` });
  expect((await stage.alice.call('DELETE', `/recordings/${ids[1]}`, undefined, any)).status).toBe(204);
});

test('a terminal that cannot be recorded shows nothing, and says why', async () => {
  const folder = join(stage.server.folder, 'recordings');
  renameSync(folder, `${folder}-before`);
  writeFileSync(folder, '');
  onTestFinished(() => {
    rmSync(folder);
    renameSync(`${folder}-before`, folder);
  });
  const page = await Page.begin();
  expect(await page.closed).toBe('4507 the folder of the recordings cannot be used');
  expect(page.shown).toBe('');
  const lines = logged.filter((line) => line.includes('a terminal cannot be recorded'));
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ file: folder, err: { code: 'EEXIST' } }]);
});

test.each([
  ['closes its WebSocket', (page: Page) => page.socket.close()],
  ['breaks its connection', (page: Page) => page.socket.terminate()],
  ['says what it may not', (page: Page) => page.say({ type: 'nonsense' })],
  ['ends its shell', (page: Page) => page.type('exit\r')],
])('a page that %s leaves the device in order', async (_how, leave) => {
  const page = await Page.begin();
  await page.running;
  const { length } = stage.openSsh.log;
  const said = () => stage.openSsh.log.slice(length);
  leave(page);
  await page.closed;
  await until(() => /Disconnected from|Connection (?:reset|closed)/.test(said()));
  expect(said()).toMatch(/Received disconnect from .*:11:/);
  expect(said()).not.toMatch(/reset/);
});

test('a device that moves to another domain takes none of its recordings along', async () => {
  const { alice, server } = stage;
  const page = await Page.begin();
  await page.running;
  page.type('exit\r');
  expect(await page.closed).toMatch(/^1000/);
  const [recording] = ((await alice.get('/recordings')).body as { items: { id: string }[] }).items;
  const path = `/recordings/${recording?.id}`;
  expect((await alice.post('/domains', { id: 'beta' })).status).toBe(201);
  const readers: ApiClient[] = [];
  for (const [user, role, scope] of [
    ['fay', 'auditor', { domain: 'acme' }],
    ['gus', 'administrator', { device: 'pump' }],
    ['ida', 'administrator', { domain: 'beta' }],
  ] as const) {
    await server.addUser(user);
    expect((await alice.post('/grants', { user, role, ...scope })).status).toBe(201);
    readers.push(await server.signedIn(user));
  }
  const statuses = () => Promise.all(readers.map(async (reader) => (await reader.get(path)).status));
  expect(await statuses()).toEqual([200, 200, 404]);
  const { status } = await alice.call('PATCH', '/devices/pump', { domain: 'beta' }, any);
  expect(status).toBe(200);
  expect(await statuses()).toEqual([200, 404, 404]);
  for (const reader of readers.slice(1)) {
    expect((await reader.get('/recordings')).body).toEqual({ items: [], next: null });
    expect((await reader.call('DELETE', path, undefined, any)).status).toBe(404);
  }
  expect((await alice.call('DELETE', path, undefined, any)).status).toBe(204);
});
