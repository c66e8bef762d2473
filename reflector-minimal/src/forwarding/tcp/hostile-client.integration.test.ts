import { type AddressInfo, connect, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../testing/ask.ts';
import { RawUser } from '../../testing/raw-user.ts';
import { Forwarding, type ScriptedAgent } from '../../testing/scripted-agent.ts';
import { authorization, extensions, Stage } from '../../testing/stage.ts';
import { until } from '../../testing/until.ts';
import { clientTunnelHead } from '../../testing/upgrade-head.ts';
import { type UpgradeRefused, WebSocketPeer } from '../../testing/web-socket-peer.ts';

/* Clients of `webtunnel.md` section 4 and users who want to harm: it costs their connections, and nobody else anything. */

const bytes = (...values: number[]) => Buffer.from(values);
const repeat = (count: number, act: (i: number) => void) => {
  for (let i = 0; i < count; i++) act(i);
};

const attacks: Record<string, readonly [act: (peer: WebSocketPeer) => void, closed: number]> = {
  'sends a text message': [(peer) => peer.send(Buffer.from('x'), 1), 1003],
  'sets RSV1': [(peer) => peer.send(bytes(0), 0x42), 1002],
  'sends a reserved opcode': [(peer) => peer.send(bytes(0), 11), 1002],
  'does not mask': [(peer) => peer.socket.write(bytes(0x82, 1, 0)), 1002],
  'announces a frame of 2^62 bytes': [
    (peer) => peer.socket.write(bytes(0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
    1009,
  ],
  'sends a message beyond the bound': [(peer) => peer.send(Buffer.alloc(1024 * 1024 + 1)), 1009],
  'sends empty fragments': [(peer) => repeat(1_100, (i) => peer.send(bytes(), i === 0 ? 2 : 0, false)), 1008],
  'sends fragments of one byte': [
    (peer) => repeat(1_100, (i) => peer.send(bytes(1), i === 0 ? 2 : 0, false)),
    1008,
  ],
  'continues what it has not begun': [(peer) => peer.send(bytes(0), 0), 1002],
  'closes with a code that means nothing': [(peer) => peer.close(999), 1002],
};

let stage: Stage;
let agent: ScriptedAgent;
let forwarding: Forwarding;
let port: number;
const sink = createServer((socket) => socket.on('error', () => {}).resume());
beforeAll(async () => {
  stage = await Stage.open();
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  port = (sink.address() as AddressInfo).port;
  await stage.addDevice('other');
  await stage.web((request, response) => response.end(`other ${request.url}`), { id: 'other', extensions });
  agent = await stage.agent({ extensions });
  forwarding = new Forwarding(agent, [port]);
});
afterAll(async () => {
  await stage.close();
  sink.close();
});

function open(toPort = port): Promise<WebSocketPeer> {
  return WebSocketPeer.connect(stage.port, clientTunnelHead(toPort));
}

async function othersAreServed(): Promise<void> {
  const answer = await ask(stage.port, '/x', { host: 'other.localhost' });
  expect([answer.status, answer.text]).toEqual([200, 'other /x']);
}

describe('a hostile client', () => {
  test.each(Object.entries(attacks))('%s', async (_name, [act, closed]) => {
    const peer = await open();
    let code = 0;
    peer.onFrame = ({ opcode, payload }) => {
      if (opcode !== 8) return;
      code = payload.length >= 2 ? payload.readUInt16BE() : 1005;
      peer.close(code);
    };
    act(peer);
    await othersAreServed();
    await until(() => peer.socket.closed);
    expect(code).toBe(closed);
    await until(() => forwarding.open === 0);
    await othersAreServed();
  });

  test('opens one connection after the other, and leaves', async () => {
    const peers = await Promise.all(Array.from({ length: 100 }, () => open()));
    await othersAreServed();
    for (const peer of peers) peer.socket.destroy();
    await until(() => forwarding.open === 0);
    await othersAreServed();
  });

  test('asks for ports that are not forwarded, many times', async () => {
    const refused = await Promise.all(
      Array.from({ length: 100 }, () => open(1).catch((error: UpgradeRefused) => error.status)),
    );
    expect(new Set(refused)).toEqual(new Set([403]));
    await othersAreServed();
  });
});

describe('a hostile user', () => {
  test('keeps 200 requests half open', async () => {
    const users = Array.from({ length: 200 }, (_, i) => {
      const user = new RawUser(stage.port);
      const whole = `POST / HTTP/1.1\r\nHost: dev1.localhost\r\nAuthorization: ${authorization}\r\nContent-Length: 9\r\n\r\n`;
      user.send(whole.slice(0, 1 + (i * whole.length) / 200));
      return user;
    });
    await othersAreServed();
    for (const user of users) user.destroy();
    await othersAreServed();
    await until(() => forwarding.open === 0);
  });

  test('connects and says nothing', async () => {
    const sockets = Array.from({ length: 200 }, () => connect(stage.port, '127.0.0.1').on('error', () => {}));
    await othersAreServed();
    for (const socket of sockets) socket.destroy();
  });
});
