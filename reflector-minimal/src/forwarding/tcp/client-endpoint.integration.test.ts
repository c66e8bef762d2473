import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../../limits.ts';
import { hashPassword } from '../../passwords/scrypt.ts';
import { ask } from '../../testing/ask.ts';
import { originalClientUpgrade } from '../../testing/original-upgrades.ts';
import { Forwarding, type ScriptedAgent } from '../../testing/scripted-agent.ts';
import { authorization, device, extensions, Stage, user } from '../../testing/stage.ts';
import { until } from '../../testing/until.ts';
import { type RawFrame, UpgradeRefused, WebSocketPeer } from '../../testing/web-socket-peer.ts';

function originalUpgrade(port: number | string, credentials = authorization, ...more: string[]): string {
  return originalClientUpgrade(port, credentials, `${device.id}.localhost:19001`, ...more);
}

/** A client, and what came for it. */
class Client {
  readonly peer: WebSocketPeer;
  readonly messages: Buffer[] = [];
  closeCode: number | null = null;
  readonly ended: Promise<void>;

  constructor(peer: WebSocketPeer) {
    this.peer = peer;
    this.ended = new Promise((resolve) => peer.socket.once('close', () => resolve()));
    peer.onFrame = ({ final, opcode, payload }: RawFrame) => {
      expect(final).toBe(true);
      if (opcode === 2) this.messages.push(payload);
      if (opcode === 8) {
        this.closeCode = payload.readUInt16BE();
        peer.send(payload, 8);
      }
    };
  }

  get bytes(): number {
    return this.messages.reduce((sum, message) => sum + message.length, 0);
  }
}

describe.each([
  ['with windows', { extensions }],
  ['an original agent', {}],
])('a client tunnel to a device, %s', (_title, options) => {
  let stage: Stage;
  let server: Server;
  let agent: ScriptedAgent;
  let forwarding: Forwarding;
  let accepted: Promise<Socket>;
  let port: number;
  beforeEach(async () => {
    stage = await Stage.open();
    server = createServer({ allowHalfOpen: true });
    accepted = once(server, 'connection').then(([socket]) => socket as Socket);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
    agent = await stage.agent(options);
    forwarding = new Forwarding(agent, [port]);
  });
  afterEach(async () => {
    (await accepted).destroy();
    server.close();
    await stage.close();
  });

  const connect = async (...more: string[]) =>
    new Client(await WebSocketPeer.connect(stage.port, originalUpgrade(port, authorization, ...more)));

  test('carries bytes both ways, at most 2,048 a message towards the original client', async () => {
    const client = await connect();
    expect(client.peer.header('Sec-WebSocket-Protocol')).toBe('com.appinf.webtunnel.client/1.0');
    expect(client.peer.header('X-WebTunnel-KeepAlive')).toBe('300');
    const socket = await accepted;
    const content = randomBytes(1_000_000);
    const hash = createHash('sha256');
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
      hash.update(chunk);
    });
    for (let at = 0; at < content.length; at += 2048) client.peer.send(content.subarray(at, at + 2048));
    await until(() => received === content.length);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
    socket.write(content);
    await until(() => client.bytes === content.length);
    expect(Buffer.concat(client.messages).equals(content)).toBe(true);
    expect(Math.max(...client.messages.map((message) => message.length))).toBe(2048);
    expect(agent.broken).toBeNull();
  });

  test("the client's close frame ends the connection on the device, after what was sent", async () => {
    const client = await connect();
    const socket = await accepted;
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    client.peer.send(Buffer.from('last words'));
    client.peer.close();
    await once(socket, 'end');
    expect(received).toBe('last words');
    socket.end();
    await client.ended;
    await until(() => forwarding.open === 0);
  });

  test("the end of the device's stream is a close frame for the client", async () => {
    const client = await connect();
    (await accepted).end('bye');
    await client.ended;
    expect(client.closeCode).toBe(1000);
    expect(Buffer.concat(client.messages).toString()).toBe('bye');
  });

  test('a reset on the device is told by 1011; a client that vanishes frees the device', async () => {
    const client = await connect();
    (await accepted).resetAndDestroy();
    await client.ended;
    expect(client.closeCode).toBe(1011);
    const another = once(server, 'connection').then(([socket]) => socket as Socket);
    const vanishing = await connect();
    const socket = await another;
    socket.on('error', () => {});
    socket.resume();
    vanishing.peer.socket.destroy();
    await once(socket, 'end');
    socket.destroy();
  });

  test('with the extension, large messages and a half-close in each direction', async () => {
    const client = await connect('X-WebTunnel-Extensions: max-frame=65536, window=262144');
    expect(client.peer.header('X-WebTunnel-Extensions')).toBe('max-frame=65536, window=262144');
    const socket = await accepted;
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    client.peer.send(Buffer.from('request'));
    client.peer.send(Buffer.alloc(0));
    await once(socket, 'end');
    expect(received).toBe('request');
    socket.end('answer');
    await client.ended;
    expect(client.closeCode).toBe(1000);
    expect(client.messages.map(String)).toEqual(['answer', '']);
  });

  test('ends when the user is removed or gets another password', async () => {
    const client = await connect();
    await accepted;
    await stage.reflector.store.users.setPassword(user.name, await hashPassword('another'));
    await client.ended;
    expect(client.closeCode).toBe(1008);
  });
});

describe('a client', () => {
  let stage: Stage;
  const clock = new ManualClock();
  beforeEach(async () => {
    stage = await Stage.open({ clock, tokenLifetime: 100 });
  });
  afterEach(() => stage.close());

  const refused = async (head: string) => {
    const error = await WebSocketPeer.connect(stage.port, head).catch((caught: unknown) => caught);
    if (!(error instanceof UpgradeRefused)) throw new Error('not refused');
    return [error.status, error.values('X-PTTH-Error')[0]];
  };
  const form = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
    ask(stage.port, '/my-devices/api/token', {
      host: 'localhost',
      method: 'POST',
      body: new URLSearchParams(fields).toString(),
      headers: { Authorization: '', 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
    });

  test('is refused with a plain status and X-PTTH-Error', async () => {
    expect(await refused(originalUpgrade(22, 'Basic dTpw'))).toEqual([401, 'Please log in']);
    expect(await refused(originalUpgrade(22))).toEqual([503, 'The device "dev1" is off line']);
    const agent = await stage.agent();
    expect(await refused(originalUpgrade(0))).toEqual([
      400,
      'X-WebTunnel-RemotePort must be a port number, 1 to 65535',
    ]);
    agent.onFrame = (frame) => agent.fault(frame.channel, 2);
    expect(await refused(originalUpgrade(22))).toEqual([403, 'The device does not forward port 22']);
    agent.onFrame = (frame) => agent.fault(frame.channel, 3);
    expect(await refused(originalUpgrade(22))).toEqual([502, 'Nothing answers on port 22 of the device']);
    agent.onFrame = () => clock.advance(15_000);
    expect(await refused(originalUpgrade(22))).toEqual([504, 'The device has not answered in time']);
  });

  test.each([
    ['', 400],
    ['0', 400],
    ['1', 403],
    ['65535', 403],
    ['65536', 400],
    ['-1', 400],
    ['22x', 400],
    ['0x16', 400],
    ['00022', 403],
    ['000022', 400],
  ])('may ask for ports 1 to 65535: "%s" is answered with %i', async (port, status) => {
    const agent = await stage.agent();
    agent.onFrame = (frame) => agent.fault(frame.channel, 2);
    expect((await refused(originalUpgrade(port)))[0]).toBe(status);
  });

  test('gets a token for its password, and into the device with it until it expires', async () => {
    const answer = await form({ username: user.name, password: user.password, application: 'remote-client' });
    expect(answer.status).toBe(200);
    const { token, expires } = JSON.parse(answer.text) as { token: string; expires: number };
    expect(expires).toBe(clock.date() / 1000 + 100);
    const agent = await stage.agent();
    agent.onFrame = (frame) => {
      if (frame.opcode === 1) agent.confirm(frame.channel);
    };
    const peer = await WebSocketPeer.connect(stage.port, originalUpgrade(22, `Bearer ${token}`));
    peer.socket.destroy();
    expect(
      (await ask(stage.port, '/', { host: 'localhost', headers: { Authorization: `Bearer ${token}` } }))
        .status,
    ).toBe(200);
    clock.advance(100_000);
    expect(await refused(originalUpgrade(22, `Bearer ${token}`))).toEqual([401, 'Please log in']);
  });

  test.each(['expires', 'is revoked', 'is of a user who logs out everywhere'])(
    'ends when its token %s',
    async (how) => {
      const answer = await form({ username: user.name, password: user.password });
      const { token } = JSON.parse(answer.text) as { token: string };
      const agent = await stage.agent();
      agent.onFrame = (frame) => {
        if (frame.opcode === 1) agent.confirm(frame.channel);
      };
      const client = new Client(
        await WebSocketPeer.connect(stage.port, originalUpgrade(22, `Bearer ${token}`)),
      );
      // The tunnel is entered after its 101 has left.
      await ask(stage.port, '/healthz', { host: 'localhost' });
      if (how === 'is revoked') {
        const headers = { Authorization: `Bearer ${token}` };
        const options = { host: 'localhost', method: 'DELETE', headers };
        expect((await ask(stage.port, '/my-devices/api/token', options)).status).toBe(204);
      } else {
        if (how === 'expires') clock.advance(100_000);
        else await stage.reflector.store.sessions.removeAll(user.name);
        clock.advance(defaultLimits.sessionTouchMs);
      }
      await client.ended;
      expect(client.closeCode).toBe(1008);
      // The account stands: its password opens as before.
      expect((await ask(stage.port, '/', { host: 'localhost' })).status).toBe(200);
    },
  );

  test('formBytes: gets no token for anything else', async () => {
    const wrong = await form({ username: user.name, password: 'guess' });
    expect([wrong.status, wrong.headers['x-ptth-error']]).toEqual([401, 'unknown user or wrong password']);
    expect((await form({})).status).toBe(401);
    expect((await form({ username: user.name }, { 'Content-Type': 'application/json' })).status).toBe(415);
    const large = await form({ username: user.name, password: 'x'.repeat(9_000) });
    expect(large.status).toBe(413);
    expect((await ask(stage.port, '/my-devices/api/token', { host: 'localhost' })).status).toBe(405);
  });

  test('clientMessageBytes: may send only so much in one message', async () => {
    const agent = await stage.agent();
    agent.onFrame = (frame) => {
      if (frame.opcode === 1) agent.confirm(frame.channel);
    };
    const client = new Client(await WebSocketPeer.connect(stage.port, originalUpgrade(22)));
    client.peer.send(Buffer.alloc(1024 * 1024 + 1));
    await client.ended;
    expect(client.closeCode).toBe(1009);
  });

  test.each([
    ['without a word loses its connection to the device', false, 'error 5'],
    ['in order leaves to the device what it has sent', true, 'close'],
  ])('that goes %s, while the device takes nothing', async (_how, inOrder, ending) => {
    const agent = await stage.agent({ extensions });
    const seen: string[] = [];
    let channel = 0;
    let bytes = 0;
    agent.onFrame = (frame) => {
      channel = frame.channel;
      if (frame.opcode === 1) agent.confirm(channel);
      if (frame.opcode === 0) bytes += frame.payload.length;
      if (frame.opcode === 2) seen.push('close');
      if (frame.opcode === 128) seen.push(`error ${frame.payload.readUInt16BE()}`);
    };
    const upgrade = originalUpgrade(22);
    const peer = await WebSocketPeer.connect(stage.port, upgrade);
    // More than the window of the device and the queue before it, so that the end is behind what is not read.
    const sent = 3_000_000;
    for (let at = 0; at < sent; at += 50_000) peer.send(Buffer.alloc(50_000));
    if (inOrder) peer.close();
    peer.socket.end();
    await until(() => bytes === 262_144);
    // Alone what has been read ahead of it can tell that it has gone: its probe is far away.
    const told = () => (inOrder ? peer.socket.closed : seen.length > 0);
    const probe = clock.now() + defaultLimits.clientProbeMs;
    await until(() => {
      clock.advance(10);
      return told() || clock.now() >= probe;
    });
    expect(told()).toBe(true);
    if (inOrder) {
      expect(seen).toEqual([]);
      agent.credit(channel, sent);
      await until(() => seen.length > 0);
      expect(bytes).toBe(sent);
    }
    expect(seen).toEqual([ending]);
  });

  test('closeMs: that reads slowly gets all that the device has sent, and then the close frame', async () => {
    await stage.close();
    stage = await Stage.open({ clock, limits: { closeMs: 1, userQueueBytes: 32 << 20 } });
    const agent = await stage.agent();
    let channel = 0;
    agent.onFrame = (frame) => {
      channel = frame.channel;
      if (frame.opcode === 1) agent.confirm(channel);
    };
    const client = new Client(await WebSocketPeer.connect(stage.port, originalUpgrade(22)));
    client.peer.socket.pause();
    // More than the kernel keeps of it.
    const sent = 12 << 20;
    for (let at = 0; at < sent; at += 2048) agent.data(channel, Buffer.alloc(2048));
    agent.close(channel);
    await pinged(agent.peer);
    for (let i = 0; i < 20; i++) await ask(stage.port, '/healthz', { host: 'localhost' });
    client.peer.socket.resume();
    await client.ended;
    expect([client.bytes, client.closeCode]).toEqual([sent, 1000]);
  });

  test('that is silent for three keep-alive times is given up', async () => {
    const agent = await stage.agent({ keepAlive: 10_000 });
    agent.onFrame = (frame) => {
      if (frame.opcode === 1) agent.confirm(frame.channel);
    };
    const client = new Client(await WebSocketPeer.connect(stage.port, originalUpgrade(22)));
    await until(() => clock.pending > 0);
    // The agent, of the same kind, says something before each step; the client nothing.
    clock.advance(899_000);
    await Promise.all([pinged(agent.peer), pinged(client.peer)]);
    expect(client.peer.socket.closed).toBe(false);
    clock.advance(899_000);
    await pinged(agent.peer);
    clock.advance(2_000);
    await client.ended;
    expect(stage.reflector.presence.local.size).toBe(1);
  });
});

/** Sends a PING; resolves when its PONG is back, and so the reflector has seen a sign of life. */
function pinged(peer: WebSocketPeer): Promise<void> {
  return new Promise((resolve) => {
    const before = peer.onFrame;
    peer.onFrame = (frame) => {
      if (frame.opcode !== 10) return before(frame);
      peer.onFrame = before;
      resolve();
    };
    peer.send(Buffer.alloc(0), 9);
  });
}
