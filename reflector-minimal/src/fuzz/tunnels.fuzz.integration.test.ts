import { setImmediate } from 'node:timers/promises';
import { Opcode } from 'rm-protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask } from '../testing/ask.ts';
import { fuzzTimeout, Random, runs, seed } from '../testing/random.ts';
import { ScriptedAgent, upgradeHead } from '../testing/scripted-agent.ts';
import { device, extensions, Stage } from '../testing/stage.ts';
import { until } from '../testing/until.ts';
import { clientTunnelHead } from '../testing/upgrade-head.ts';
import { type UpgradeRefused, WebSocketPeer } from '../testing/web-socket-peer.ts';

/*
 * Damaged frames of devices, messages of clients, and heads of both. Nothing but the tunnel they come on may suffer: the
 * reflector goes on, another device is served, and no channel is left.
 */

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await stage.addDevice('other');
  await stage.web((_request, response) => response.end('other'), { id: 'other', extensions });
});
afterAll(() => stage.close());

async function othersAreServed(told: string): Promise<void> {
  const { status, text } = await ask(stage.port, '/', { host: 'other.localhost' });
  expect([status, text], told).toEqual([200, 'other']);
}

const opcodes = [...Object.values(Opcode), 0x03, 0x41, 0xff];

/** Channels 1 to 4 are likely to live. */
function someFrame(random: Random): Buffer {
  const payload = random.chance(3)
    ? random.bytes(random.below(random.chance(20) ? 3_000 : 12))
    : random.pick([
        Buffer.alloc(0),
        Buffer.from([0, 80]),
        Buffer.from([0, 0, 16, 0]),
        Buffer.from([255, 255, 255, 255]),
        Buffer.from([1, 1, 97, 1, 98]),
        Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
        Buffer.from('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
      ]);
  const frame = Buffer.from([random.pick(opcodes), 0, 0, 1 + random.below(random.chance(5) ? 255 : 4)]);
  const whole = Buffer.concat([frame, payload]);
  return random.chance(10) ? whole.subarray(0, random.below(whole.length + 1)) : whole;
}

function attack(random: Random, peer: WebSocketPeer, next: () => Buffer): void {
  const opcode = random.chance(40) ? random.below(16) : 2;
  if (random.chance(50)) peer.socket.write(random.bytes(1 + random.below(40)));
  else peer.send(next(), opcode, !random.chance(20));
}

test('whatever frames a device sends, others are served', { timeout: fuzzTimeout }, async () => {
  const random = new Random(seed);
  const rounds = runs(40);
  for (let round = 0; round < rounds; round++) {
    const told = `seed ${seed}, round ${round}`;
    const properties = [{ name: 'targetPorts', value: '80' }];
    const agent = await ScriptedAgent.connect(stage.port, { ...device, extensions, properties });
    agent.onFrame = ({ opcode, channel }) => {
      if (opcode === Opcode.openRequest && !random.chance(5)) agent.confirm(channel);
    };
    const tunnel = stage.reflector.presence.local.get(device.id)?.tunnel;
    const users = ['/1', '/2', '/3'].map((path) => ask(stage.port, path).catch(() => null));
    for (let i = 0; i < 60 && !agent.peer.socket.destroyed; i++) {
      attack(random, agent.peer, () => someFrame(random));
      if (random.chance(6)) await setImmediate();
    }
    await othersAreServed(told);
    agent.destroy();
    await Promise.all(users);
    await until(() => !tunnel?.live);
    expect([tunnel?.channels, stage.reflector.presence.local.get(device.id)], told).toEqual([0, undefined]);
  }
});

test('whatever a client sends, others are served', { timeout: fuzzTimeout }, async () => {
  const random = new Random(seed);
  const agent = await ScriptedAgent.connect(stage.port, { ...device, extensions });
  agent.onFrame = ({ opcode, channel, payload }) => {
    if (opcode === Opcode.openRequest) agent.confirm(channel);
    else if (opcode === Opcode.data) {
      agent.credit(channel, payload.length);
      agent.data(channel, payload);
    } else if (opcode === Opcode.close) agent.close(channel);
  };
  const tunnel = stage.reflector.presence.local.get(device.id)?.tunnel;
  const rounds = runs(40);
  for (let round = 0; round < rounds; round++) {
    const told = `seed ${seed}, round ${round}`;
    const peer = await WebSocketPeer.connect(
      stage.port,
      clientTunnelHead(22, random.chance(2) ? { extensions } : {}),
    );
    for (let i = 0; i < 40 && !peer.socket.destroyed; i++) {
      attack(random, peer, () => random.bytes(random.below(random.chance(10) ? 5_000 : 20)));
      if (random.chance(8)) await setImmediate();
    }
    await othersAreServed(told);
    peer.socket.destroy();
    await until(() => tunnel?.channels === 0);
    expect(tunnel?.live, told).toBe(true);
  }
  agent.destroy();
});

const likely = [
  '\r\n',
  '\n',
  '\0',
  '"',
  '\\"',
  ',',
  ';',
  '=',
  ':',
  '-1',
  '0',
  '99999999999',
  '\xff',
  '\xc3',
  'X-PTTH-Set-Property: device;a=b\r\n',
  'X-PTTH-Set-Property: device;__proto__="x"\r\n',
  'X-PTTH-Set-Property: nonsense\r\n',
  'X-WebTunnel-Extensions: max-frame=1, window=1\r\n',
  'X-WebTunnel-KeepAlive: 0\r\n',
  'X-WebTunnel-RemotePort: 65536\r\n',
  'Sec-WebSocket-Protocol: x\r\n',
  'Content-Length: 3\r\n',
  'Authorization: Digest nonce="x"\r\n',
  'Upgrade: h2c\r\n',
];

test('whatever head asks for an upgrade, it is taken or refused', { timeout: fuzzTimeout }, async () => {
  const random = new Random(seed);
  const agentHead = upgradeHead({
    ...device,
    extensions,
    properties: [
      { name: 'targetPorts', value: '22, 80' },
      { name: 'name', value: 'a "b" ü' },
    ],
  });
  const rounds = runs(150);
  for (let round = 0; round < rounds; round++) {
    const head = random.damage(random.chance(3) ? clientTunnelHead(22, { extensions }) : agentHead, likely);
    const told = `seed ${seed}, round ${round}: ${JSON.stringify(head)}`;
    const peer = await WebSocketPeer.connect(
      stage.port,
      // Behind it something that ends a head which goes on, and is no head itself.
      Buffer.from(`${head}\r\n\r\n\0\r\n\r\n`, 'latin1'),
    ).catch((error: UpgradeRefused) => error);
    if (peer instanceof WebSocketPeer) peer.socket.destroy();
    else if (!(peer.status >= 200 && peer.status < 600)) expect.fail(`${peer.head}\n${told}`);
  }
  await othersAreServed(`seed ${seed}`);
  const tunnel = stage.reflector.presence.local.get(device.id);
  await until(
    () => stage.reflector.presence.local.get(device.id) === undefined || tunnel?.tunnel.channels === 0,
  );
});
