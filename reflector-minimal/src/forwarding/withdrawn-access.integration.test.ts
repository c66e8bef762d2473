import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Opcode } from 'rm-protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import type { Authenticator } from '../ports/authenticators.ts';
import type { Store } from '../ports/store.ts';
import type { ReflectorOptions } from '../reflector.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { BrowserSession } from '../testing/browser-session.ts';
import { RawUser } from '../testing/raw-user.ts';
import { RemoteData } from '../testing/remote-store.ts';
import type { Forwarding, ScriptedAgent } from '../testing/scripted-agent.ts';
import { authorization, device, extensions, Stage, user } from '../testing/stage.ts';
import { until } from '../testing/until.ts';
import { clientTunnelHead, webSocketHead } from '../testing/upgrade-head.ts';

/** What a user may not do any more does not begin, however long it was decided before. */

const token = 'Bearer slow';
const host = `${device.id}.localhost`;
const password = `Authorization: ${authorization}`;

/** Lets calls wait until it is opened. */
class Gate {
  reached = 0;
  readonly #opened: Promise<void>;
  open: () => void = () => {};

  constructor() {
    this.#opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  pass(): Promise<void> {
    this.reached++;
    return this.#opened;
  }
}

let stage: Stage;
let clock: ManualClock;
let gate: Gate;
let agent: ScriptedAgent;
let forwarding: Forwarding;
let port: number;
let asked: RawUser;

/** Knows the user, and takes its time to say so. */
function slow(store: Store): readonly Authenticator<'token'>[] {
  return [
    {
      name: 'slow',
      accepts: 'token',
      prove: async () => {
        const account = await store.users.get(user.name);
        await gate.pass();
        return account && { user: account, session: null, until: Number.POSITIVE_INFINITY };
      },
    },
  ];
}

async function open(options: ReflectorOptions = {}): Promise<void> {
  gate = new Gate();
  clock = new ManualClock();
  stage = await Stage.open({ clock, authenticators: slow, ...options });
  ({ agent, forwarding, port } = await stage.web((_request, response) => response.end('device'), {
    extensions,
  }));
}

afterEach(async () => {
  asked.destroy();
  gate.open();
  await stage.close();
});

const kinds = {
  'a request': (line: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\n${line}\r\n\r\n`,
  'a WebSocket': (line: string) => webSocketHead([], { credentials: line }),
  'a client tunnel': (line: string) => clientTunnelHead(port, { credentials: line }),
  CONNECT: (line: string) =>
    `CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\nProxy-${line}\r\n\r\n`,
} as const;
type Kind = keyof typeof kinds;
const all = Object.keys(kinds) as Kind[];

const changes = {
  'the user is an administrator no more': (store: Store) => store.users.demote(user.name, true),
  'the user is removed': (store: Store) => store.users.remove(user.name, true),
  'the password is changed': (store: Store) => store.users.setPassword(user.name, 'another'),
  'the device is removed': (store: Store) => store.devices.remove(device.id, 0),
} as const;

function ask(head: string): void {
  asked = new RawUser(stage.port);
  asked.send(head);
}

async function isRefused(kind: Kind, status = kind === 'CONNECT' ? 407 : 401): Promise<void> {
  await until(() => asked.received.includes('\r\n\r\n'));
  expect(asked.statuses).toEqual([status]);
}

describe.each(Object.entries(changes))('when %s while the user is being proven', (title, change) => {
  test.each(all)('%s does not begin', async (kind) => {
    await open();
    ask(kinds[kind](`Authorization: ${token}`));
    await until(() => gate.reached === 1);
    await change(stage.reflector.store);
    gate.open();
    await isRefused(kind, title === 'the device is removed' ? 404 : undefined);
    expect(forwarding.opens).toBe(0);
  });
});

test.each(all)('%s begins when something else has changed meanwhile', async (kind) => {
  await open();
  ask(kinds[kind](`Authorization: ${token}`));
  await until(() => gate.reached === 1);
  await stage.reflector.store.users.add('bob', '', 0, 'user');
  await stage.addDevice('dev2');
  gate.open();
  await until(() => forwarding.opens === 1);
  if (kind === 'a request') await until(() => asked.received.endsWith('device'));
});

describe('when another process has withdrawn access', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rm-reflector-'));
  afterEach(() => rmSync(folder, { recursive: true }));

  test.each(all)('%s does not begin later than a poll after it', async (kind) => {
    const data = join(folder, kind, 'data.db');
    await open({ data });
    ask(kinds[kind](`Authorization: ${token}`));
    await until(() => gate.reached === 1);
    const other = SqliteStore.open(data);
    await other.users.demote(user.name, true);
    await other.close();
    clock.advance(defaultLimits.storePollMs);
    gate.open();
    await isRefused(kind);
    expect(forwarding.opens).toBe(0);
  });
});

describe('while it is found out whose credentials a browser sends along', () => {
  test.each(['a request', 'a WebSocket'] as const)('%s does not begin after log-out', async (kind) => {
    await open();
    const cookie = await (await BrowserSession.open(stage, clock)).deviceCookie(device.id);
    ask(kinds[kind](`Cookie: ${cookie}\r\nOrigin: http://${host}\r\nAuthorization: ${token}`));
    await until(() => gate.reached === 1);
    await stage.reflector.store.sessions.removeAll(user.name);
    gate.open();
    await isRefused(kind);
    expect(forwarding.opens).toBe(0);
  });
});

describe('while the device opens the connection', () => {
  test.each(['a client tunnel', 'CONNECT'] as const)('%s does not begin any more', async (kind) => {
    await open();
    agent.onFrame = null;
    ask(`${kinds[kind](password)}hello`);
    const { channel } = await agent.expect(Opcode.openRequest);
    await stage.reflector.store.users.demote(user.name, true);
    agent.confirm(channel);
    await isRefused(kind);
    expect(await agent.frame()).toMatchObject({ opcode: Opcode.error, channel });
  });

  test.each(['a client tunnel', 'CONNECT'] as const)('%s begins if nothing has changed', async (kind) => {
    await open();
    agent.onFrame = null;
    ask(kinds[kind](password));
    const { channel } = await agent.expect(Opcode.openRequest);
    agent.confirm(channel);
    await until(() => asked.statuses.length === 1);
    expect(asked.statuses).toEqual([kind === 'CONNECT' ? 200 : 101]);
  });
});

test('no page of the reflector itself is shown to a user who was removed while being proven', async () => {
  await open();
  ask(`GET /my-devices/api/devices HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${token}\r\n\r\n`);
  await until(() => gate.reached === 1);
  await stage.reflector.store.users.remove(user.name, true);
  gate.open();
  await isRefused('a request');
});

test.each(all)('%s does not begin on a store far away either', async (kind) => {
  await open({ store: () => new RemoteData().open() });
  ask(kinds[kind](`Authorization: ${token}`));
  await until(() => gate.reached === 1);
  await stage.reflector.store.users.demote(user.name, true);
  gate.open();
  await isRefused(kind);
  expect(forwarding.opens).toBe(0);
});
