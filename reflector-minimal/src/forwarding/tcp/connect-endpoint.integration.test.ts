import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { pino } from 'pino';
import { Opcode } from 'rm-protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hashPassword } from '../../passwords/scrypt.ts';
import type { ReflectorOptions } from '../../reflector.ts';
import { ask } from '../../testing/ask.ts';
import { BrowserSession } from '../../testing/browser-session.ts';
import { originalConnect } from '../../testing/original-upgrades.ts';
import { RawUser } from '../../testing/raw-user.ts';
import { Forwarding, ScriptedAgent } from '../../testing/scripted-agent.ts';
import { authorization, device, domain, extensions, Stage } from '../../testing/stage.ts';
import { until } from '../../testing/until.ts';

/** CONNECT: raw bytes to a port of a device, for whom the reflector is a proxy. */

let stage: Stage;
let server: Server;
let accepted: Promise<Socket>;
let port: number;
let forwarding: Forwarding;
const users: RawUser[] = [];

async function open(options: ReflectorOptions = {}): Promise<void> {
  stage = await Stage.open(options);
  server = createServer({ allowHalfOpen: true });
  accepted = once(server, 'connection').then(([socket]) => socket as Socket);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  forwarding = new Forwarding(await stage.agent({ extensions }), [port]);
}

afterEach(async () => {
  for (const user of users.splice(0)) user.destroy();
  server.close();
  await stage.close();
});

const login = `Proxy-Authorization: ${authorization}\r\n`;

function speak(bytes: string): RawUser {
  const user = new RawUser(stage.port);
  users.push(user);
  user.send(bytes);
  return user;
}

const connectTo = (target: string, lines = login, version = '1.1') =>
  speak(`CONNECT ${target} HTTP/${version}\r\n${version === '1.1' ? `Host: ${target}\r\n` : ''}${lines}\r\n`);

const established = 'HTTP/1.1 200 Connection established\r\n\r\n';

describe('CONNECT', () => {
  beforeEach(() => open());

  const target = () => `${device.id}.localhost:${port}`;

  async function connected(lines?: string, version?: string): Promise<{ user: RawUser; socket: Socket }> {
    const user = connectTo(target(), lines, version);
    const socket = await accepted;
    await until(() => user.received === established);
    return { user, socket };
  }

  test.each(['CONNECT', 'an upgrade'])(
    '%s: a user who has gone is noticed while the device takes nothing',
    async (way) => {
      server.close();
      await stage.close();
      await open({ limits: { readAheadMs: 50, leftoverMs: 200 } });
      const agent = await stage.agent({ extensions, properties: [{ name: 'targetPorts', value: '80' }] });
      let gone = false;
      agent.onFrame = ({ opcode, channel, payload }) => {
        if (opcode === Opcode.openRequest) agent.confirm(channel);
        else if (opcode === Opcode.error) gone = true;
        else if (payload.includes('Sec-WebSocket-Key')) {
          agent.data(
            channel,
            Buffer.from('HTTP/1.1 101 Go on\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
          );
        }
      };
      const upgrade = `GET / HTTP/1.1\r\nHost: ${device.id}.localhost\r\nAuthorization: ${authorization}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
      const user = way === 'CONNECT' ? connectTo(`${device.id}.localhost:80`) : speak(upgrade);
      await until(() => /^HTTP\/1.1 (?:200|101)/.test(user.received));
      // More than the channel takes, and the kernel keeps the rest.
      user.socket.write(Buffer.alloc(3_000_000));
      await until(() => user.socket.writableLength === 0);
      expect(gone).toBe(false);
      user.socket.destroy();
      await until(() => gone);
    },
  );

  test.each(['1.1', '1.0'])('in HTTP/%s carries bytes both ways, each with its own end', async (version) => {
    const { user, socket } = await connected(login, version);
    const content = randomBytes(1_000_000);
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    user.socket.end(content);
    await once(socket, 'end');
    expect(Buffer.concat(received).equals(content)).toBe(true);
    // The user has ended, and the device has not.
    socket.end(content);
    const back = await user.whole();
    expect(Buffer.from(back.slice(established.length), 'latin1').equals(content)).toBe(true);
    await until(() => forwarding.open === 0);
  });

  test('the end of the device leaves the direction to it open', async () => {
    const { user, socket } = await connected();
    user.socket.removeAllListeners('end');
    socket.end('bye');
    await once(user.socket, 'end');
    expect(user.received).toBe(`${established}bye`);
    const received = once(socket, 'data');
    user.socket.end('still here');
    expect(String((await received)[0])).toBe('still here');
    await until(() => forwarding.open === 0);
  });

  test('what is sent without waiting for the answer is the first that the device gets', async () => {
    const user = speak(`CONNECT ${target()} HTTP/1.1\r\n${login}\r\nearly`);
    const [chunk] = await once(await accepted, 'data');
    expect(String(chunk)).toBe('early');
    await until(() => user.received === established);
  });

  test('a reset on the device is a reset for the user, and the other way round', async () => {
    const { user, socket } = await connected();
    const error = once(user.socket, 'error');
    socket.resetAndDestroy();
    expect(((await error)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    accepted = once(server, 'connection').then(([next]) => next as Socket);
    const second = await connected();
    expect(forwarding.open).toBe(1);
    second.user.socket.resetAndDestroy();
    await until(() => forwarding.open === 0);
  });

  test('a user who reads nothing holds the device back, and loses nothing', async () => {
    const { user, socket } = await connected();
    user.socket.pause();
    const length = 64 << 20;
    let done = false;
    socket.end(Buffer.alloc(length), () => {
      done = true;
    });
    for (let i = 0; i < 50; i++) await ask(stage.port, '/healthz', { host: 'localhost' });
    expect(done).toBe(false);
    let bytes = 0;
    user.socket.removeAllListeners('data').on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    user.socket.resume();
    await user.whole();
    expect(bytes).toBe(length);
  });

  test('a token does as well', async () => {
    const form = 'username=alice&password=wonderland&application=test';
    const headers = { Authorization: [], 'Content-Type': 'application/x-www-form-urlencoded' };
    const answer = await ask(stage.port, '/my-devices/api/token', {
      ...{ host: 'localhost', method: 'POST', headers, body: form },
    });
    await connected(`Proxy-Authorization: Bearer ${JSON.parse(answer.text).token}\r\n`);
  });

  test.each([
    ['nothing', () => ''],
    ['a wrong password', () => 'Proxy-Authorization: Basic YWxpY2U6d3Jvbmc=\r\n'],
    ['a token that is none', () => 'Proxy-Authorization: Bearer a.b.c\r\n'],
    ['another scheme', () => 'Proxy-Authorization: Negotiate abc\r\n'],
    ['Authorization', () => `Authorization: ${authorization}\r\n`],
    ['X-PTTH-Authorization', () => `X-PTTH-Authorization: ${authorization}\r\n`],
    ['the cookie of a session', async () => `Cookie: ${(await BrowserSession.open(stage)).ownCookie}\r\n`],
    [
      'the cookie of a device',
      async () => `Cookie: ${await (await BrowserSession.open(stage)).deviceCookie(device.id)}\r\n`,
    ],
  ])('%s opens nothing, and learns nothing: 407', async (_, lines) => {
    for (const to of [target(), 'nobody.localhost:22', 'elsewhere.example:443', '127.0.0.1:22']) {
      const answer = await connectTo(to, await lines()).whole();
      expect(answer).toMatch(/^HTTP\/1\.1 407 Proxy Authentication Required\r\n/);
      expect(answer).toMatch(/^Proxy-Authenticate: Basic realm="Reflector", charset="UTF-8"\r$/m);
    }
    expect(forwarding.opens).toBe(0);
  });

  test.each([
    ['elsewhere.example:443', 403, 'CONNECT leads to ports of devices only'],
    ['127.0.0.1:22', 403, 'CONNECT leads to ports of devices only'],
    ['[::1]:22', 403, 'CONNECT leads to ports of devices only'],
    ['localhost:22', 403, 'CONNECT leads to ports of devices only'],
    ['a.dev1.localhost:22', 403, 'CONNECT leads to ports of devices only'],
    ['nobody.localhost:22', 404, 'There is no device "nobody"'],
    ['dev1-80.localhost:22', 404, 'There is no device "dev1-80"'],
    ['dev2.localhost:22', 503, 'The device "dev2" is off line'],
    ['dev1.localhost:1', 403, 'The device does not forward port 1'],
    ['dev1.localhost:0', 400, 'The target of CONNECT must be DEVICE.DOMAIN:PORT'],
    ['dev1.localhost:65536', 400, 'The target of CONNECT must be DEVICE.DOMAIN:PORT'],
    ['x@dev1.localhost:22', 400, null],
    ['dev1.localhost', 400, null],
    ['http://dev1.localhost:22/', 400, null],
    ['/', 400, null],
  ])('to %s: %i', async (to, status, error) => {
    await stage.addDevice('dev2');
    const user = connectTo(to);
    const answer = await user.whole();
    expect(user.statuses).toEqual([status]);
    if (error !== null) expect(/^X-PTTH-Error: (.*)\r$/m.exec(answer)?.[1]).toBe(error);
    expect(forwarding.opens).toBe(to === 'dev1.localhost:1' ? 1 : 0);
  });

  test.each([
    ['a body', 'Content-Length: 4\r\n'],
    ['a body in chunks', 'Transfer-Encoding: chunked\r\n'],
    ['two log-ins', login],
    ['a second host', 'Host: dev2.localhost\r\n'],
  ])('with %s: 400', async (_, lines) => {
    const user = connectTo(target(), login + lines);
    await user.whole();
    expect([user.statuses, forwarding.opens]).toEqual([[400], 0]);
  });

  test('behind a request without an answer the connection ends', async () => {
    const { forwarding: web } = await stage.web(() => {});
    const head = `Host: dev1.localhost\r\nAuthorization: ${authorization}\r\n\r\n`;
    const user = speak(`GET / HTTP/1.1\r\n${head}CONNECT ${target()} HTTP/1.1\r\n${login}\r\n`);
    expect(await user.whole()).toBe('');
    expect(web.opens).toBeLessThanOrEqual(1);
  });

  test('a device that the user does not see is none', async () => {
    const { users: accounts } = stage.reflector.store;
    await accounts.add('bob', await hashPassword('builder'), 0, 'user');
    const bob = `Proxy-Authorization: Basic ${Buffer.from('bob:builder').toString('base64')}\r\n`;
    const [known, unknown] = [connectTo(target(), bob), connectTo(`nobody.localhost:${port}`, bob)];
    const answers = [await known.whole(), await unknown.whole()];
    expect(answers[0]?.replaceAll('dev1', 'nobody').replace(/^(Content-Length|Date): .*$/gm, '')).toBe(
      answers[1]?.replace(/^(Content-Length|Date): .*$/gm, ''),
    );
    expect(known.statuses).toEqual([404]);
  });

  test('ends within storePollMs when the user has gone, and not as if it were whole', async () => {
    const { user } = await connected();
    const error = once(user.socket, 'error');
    await stage.reflector.store.users.remove('alice', true);
    expect(((await error)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    await until(() => forwarding.open === 0);
  });

  test('ends with the reflector', async () => {
    const { user } = await connected();
    const error = once(user.socket, 'error');
    await stage.reflector.close();
    expect(((await error)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
  });
});

test('exchangesPerUser: counts connections by CONNECT too, as long as they last', async () => {
  await open({ limits: { exchangesPerUser: 1 } });
  const first = connectTo(`dev1.localhost:${port}`);
  await until(() => first.received === established);
  const second = connectTo(`dev1.localhost:${port}`);
  await second.whole();
  expect(second.statuses).toEqual([429]);
  first.socket.resetAndDestroy();
  await until(() => forwarding.open === 0);
  const third = connectTo(`dev1.localhost:${port}`);
  await until(() => third.received === established);
});

test('is in the audit log, refused or not, with what it has carried', async () => {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  await open({ log });
  await connectTo('elsewhere.example:443').whole();
  const user = connectTo(`dev1.localhost:${port}`);
  const socket = await accepted;
  socket.on('data', () => {});
  await until(() => user.received === established);
  user.socket.end('12345');
  socket.end('123');
  await user.whole();
  await stage.reflector.close();
  const records = lines.flatMap(({ audit }) => (audit ? [audit] : []));
  const who = { user: 'alice', by: 'password', address: '127.0.0.1' };
  const reason = 'CONNECT leads to ports of devices only';
  expect(records).toEqual(
    expect.arrayContaining([
      { event: 'client-tunnel', allowed: false, ...who, reason },
      { event: 'client-tunnel', allowed: true, ...who, device: 'dev1', port },
      expect.objectContaining({ event: 'client-tunnel-end', device: 'dev1', bytesFrom: 3, bytesTo: 5 }),
    ]),
  );
  expect(JSON.stringify(lines)).not.toContain(authorization);
});

test("is what the original's remote-connect sends", async () => {
  await open({ domain: 'remote.example.com' });
  const { store } = stage.reflector;
  await stage.addDevice('device-1');
  await store.users.remove('alice', true);
  await store.users.add('alice', await hashPassword('pw'), 0, 'administrator');
  const agent = await ScriptedAgent.connect(stage.port, {
    id: 'device-1',
    domain,
    password: device.password,
  });
  agent.onFrame = ({ opcode, channel, payload }) => {
    if (opcode === 1) {
      expect(payload.readUInt16BE()).toBe(22);
      agent.confirm(channel);
      agent.data(channel, Buffer.from('SSH-2.0-device\r\n'));
    }
  };
  const user = speak(originalConnect);
  await until(() => user.received === `${established}SSH-2.0-device\r\n`);
  agent.destroy();
});
