import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import type { Terms } from 'rm-protocol';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../../limits.ts';
import { ByteBudget } from '../../streams/byte-budget.ts';
import { FakeLink } from '../../testing/fake-link.ts';
import type { ServerWebSocket } from '../../websocket/server-web-socket.ts';
import { ClientTunnel } from './client-tunnel.ts';

/** A WebSocket of which only what is asked of it is seen. */
class FakeWebSocket extends EventEmitter {
  readonly calls: string[] = [];

  pause(): void {
    this.isPaused = true;
    this.calls.push('pause');
  }

  resume(): void {
    this.isPaused = false;
    this.calls.push('resume');
  }

  close(code: number): void {
    this.calls.push(`close ${code}`);
  }

  isPaused = false;

  ping(): void {
    this.calls.push('ping');
  }

  pong(): void {
    this.calls.push('pong');
  }

  send(message: string): void {
    this.calls.push(`send ${message}`);
  }

  terminate(): void {
    this.calls.push('terminate');
  }
}

function setUp(
  isPage = false,
  extension: Terms['extension'] = null,
): {
  link: FakeLink;
  channel: ReturnType<FakeLink['open']>;
  webSocket: FakeWebSocket;
  writes: (() => void)[];
  clock: ManualClock;
  tunnel: ClientTunnel;
} {
  const clock = new ManualClock();
  const link = new FakeLink(16_384, 65_536);
  const channel = link.open();
  const webSocket = new FakeWebSocket();
  const writes: (() => void)[] = [];
  const socket = new Duplex({
    // What Node 20 has by default; later ones have more.
    highWaterMark: 16_384,
    read: () => {},
    writev: (_chunks, done) => writes.push(done),
    write: (_chunk, _encoding, done) => writes.push(done),
  });
  const tunnel = new ClientTunnel({
    webSocket: webSocket as unknown as ServerWebSocket,
    socket,
    channel,
    traffic: { bytesFrom: 0, bytesTo: 0 },
    readAhead: new ByteBudget(1_000_000),
    terms: { keepAlive: 300, extension },
    isPage,
    limits: { ...defaultLimits, userQueueBytes: 32_768, readAheadBytes: 16_384 },
    clock,
    ended: () => webSocket.calls.push('ended'),
  });
  return { link, channel, webSocket, writes, clock, tunnel };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

test('userQueueBytes: a client that reads nothing holds back its channel, and nothing is lost', async () => {
  const { link, channel, writes } = setUp();
  const credits = () => link.sent.filter((entry) => entry.startsWith('credit'));
  await tick();
  for (let i = 0; i < 4; i++) {
    channel.onData(Buffer.alloc(16_384));
    await tick();
  }
  // Two pieces fill the queue of the user: the others are held, and get no credit.
  expect([link.held, credits(), channel.isPaused()]).toEqual([32_768, ['credit 32768'], true]);
  while (writes.length > 0) {
    writes.shift()?.();
    await tick();
  }
  expect([link.held, credits().length, channel.isPaused()]).toEqual([0, 2, false]);
});

test('a device that takes nothing holds back its client', async () => {
  const { channel, webSocket } = setUp();
  for (let i = 0; i < 8; i++) webSocket.emit('message', Buffer.alloc(16_384), true, true);
  await tick();
  expect(webSocket.calls).toContain('pause');
  expect(webSocket.calls).not.toContain('resume');
  channel.onCredit(1_000_000);
  await tick();
  expect(webSocket.calls.at(-1)).toBe('resume');
});

test('clientProbeMs: only as long as it is held back a client is asked whether it is still there', async () => {
  const { channel, webSocket, clock } = setUp();
  const pongs = () => webSocket.calls.filter((call) => call === 'pong').length;
  clock.advance(2 * defaultLimits.clientProbeMs);
  expect(pongs()).toBe(0);
  for (let i = 0; i < 8; i++) webSocket.emit('message', Buffer.alloc(16_384), true, true);
  await tick();
  clock.advance(defaultLimits.readAheadMs);
  webSocket.emit('message', Buffer.alloc(16_384), true, true);
  clock.advance(defaultLimits.clientProbeMs);
  clock.advance(defaultLimits.clientProbeMs);
  expect(pongs()).toBe(2);
  channel.onCredit(1_000_000);
  await tick();
  clock.advance(2 * defaultLimits.clientProbeMs);
  expect(pongs()).toBe(2);
});

test('a client that has gone while it was held back is asked no more', async () => {
  const { webSocket, clock } = setUp();
  for (let i = 0; i < 8; i++) webSocket.emit('message', Buffer.alloc(16_384), true, true);
  webSocket.emit('close', 1006);
  await tick();
  clock.advance(2 * defaultLimits.clientProbeMs);
  expect(webSocket.calls).not.toContain('pong');
  expect(clock.pending).toBe(0);
});

describe('when the device has ended, the close frame', () => {
  const closes = (calls: string[]) => calls.filter((call) => /^close|^terminate/.test(call));

  test.each([
    ['the original', null, 'close 1000'],
    ['one with the extension', { maxFrame: 16_384, window: 1 }, 'close 1000'],
  ])('waits until a client, %s, has taken the rest', async (_, extension, ending) => {
    const { channel, webSocket, writes, clock } = setUp(false, extension);
    if (extension) webSocket.emit('message', Buffer.alloc(0), true, true);
    for (let i = 0; i < 2; i++) channel.onData(Buffer.alloc(10_000));
    channel.onClose();
    await tick();
    clock.advance(defaultLimits.userStallMs - 1);
    expect(closes(webSocket.calls)).toEqual([]);
    while (writes.length > 0) {
      writes.shift()?.();
      await tick();
    }
    expect(closes(webSocket.calls)).toEqual([ending]);
    webSocket.emit('close', 1000);
    channel.destroy();
    await tick();
    expect(clock.pending).toBe(0);
  });

  test('follows at once when nothing waits', async () => {
    const { channel, webSocket } = setUp();
    channel.onClose();
    await tick();
    expect(closes(webSocket.calls)).toEqual(['close 1000']);
    channel.destroy();
  });

  test('userStallMs: does not come for a client that takes nothing of it: that is cut', async () => {
    const { channel, webSocket, writes, clock } = setUp();
    for (let i = 0; i < 2; i++) {
      channel.onData(Buffer.alloc(10_000));
      await tick();
    }
    channel.onClose();
    await tick();
    clock.advance(defaultLimits.userStallMs - 1);
    writes.shift()?.();
    clock.advance(1);
    // Longer than a client may be silent: what it takes is a sign of life.
    clock.advance(defaultLimits.userStallMs - 1);
    expect(closes(webSocket.calls)).toEqual([]);
    clock.advance(1);
    expect(closes(webSocket.calls)).toEqual(['terminate']);
    webSocket.emit('close', 1006);
    expect(clock.pending).toBe(0);
  });

  test('does not wait when access ends', async () => {
    const { channel, webSocket, tunnel, clock } = setUp();
    channel.onData(Buffer.alloc(16_384));
    channel.onClose();
    await tick();
    tunnel.close(1008);
    await tick();
    expect(closes(webSocket.calls)).toEqual(['close 1008']);
    webSocket.emit('close', 1008);
    expect(clock.pending).toBe(0);
  });

  test('does not hold back what the client has yet to send to the device', async () => {
    const { link, channel, webSocket } = setUp();
    channel.onData(Buffer.alloc(16_384));
    channel.onClose();
    await tick();
    webSocket.emit('message', Buffer.from('last'), true, true);
    await tick();
    expect(link.sent.filter((entry) => entry.startsWith('data'))).toEqual(['data 4 in 1']);
    channel.destroy();
  });
});

test('a text message ends it with 1003', async () => {
  const { link, webSocket } = setUp();
  webSocket.emit('message', Buffer.from('hello'), false, true);
  await tick();
  expect(webSocket.calls).toContain('close 1003');
  expect(link.sent).toEqual(['error 5']);
});

test('a lost connection ends the channel at once, a close frame after what was sent', async () => {
  const lost = setUp();
  lost.webSocket.emit('close', 1006);
  await tick();
  expect(lost.link.sent).toEqual(['error 5']);
  const closed = setUp();
  closed.webSocket.emit('message', Buffer.from('last'), true, true);
  closed.webSocket.emit('close', 1000);
  await tick();
  expect(closed.link.sent).toEqual(['data 4 in 1', 'close']);
  // The device's connection still counts among those of the user.
  expect(closed.webSocket.calls).toEqual([]);
  closed.channel.destroy();
  await tick();
  expect(closed.webSocket.calls).toEqual(['ended']);
});

test('a client that half-closes, and then closes before the device has taken all, loses nothing', async () => {
  const { link, channel, webSocket, clock } = setUp(false, { maxFrame: 16_384, window: 65_536 });
  for (let i = 0; i < 8; i++) webSocket.emit('message', Buffer.alloc(16_384), true, true);
  webSocket.emit('message', Buffer.alloc(0), true, true);
  webSocket.emit('close', 1000);
  await tick();
  const bytes = () =>
    link.sent.map((entry) => Number(/^data (\d+)/.exec(entry)?.[1] ?? 0)).reduce((sum, one) => sum + one, 0);
  expect(bytes()).toBe(65_536);
  channel.onCredit(1_000_000);
  await tick();
  expect([bytes(), link.sent.at(-1)]).toEqual([131_072, 'close']);
  // leftoverMs: it has to close its side.
  clock.advance(defaultLimits.leftoverMs);
  await tick();
  expect([webSocket.calls.at(-1), clock.pending]).toEqual(['ended', 0]);
});

test('what a device sends once its client has closed is dropped', async () => {
  const { channel, webSocket, writes } = setUp();
  webSocket.emit('close', 1000);
  channel.onData(Buffer.alloc(10));
  await tick();
  expect(writes).toEqual([]);
  channel.destroy();
});

test('text is refused, and ends both sides', () => {
  const { channel, webSocket } = setUp();
  webSocket.emit('message', Buffer.from('x'), false, true);
  expect(webSocket.calls).toContain('close 1003');
  expect(channel.destroyed).toBe(true);
});

test('a client that shows no sign of life for three keep-alive times is given up, once', async () => {
  const { webSocket, clock } = setUp();
  clock.advance(899_999);
  expect(webSocket.calls).not.toContain('terminate');
  clock.advance(1);
  expect(webSocket.calls).toContain('terminate');
  webSocket.emit('close', 1006);
  webSocket.emit('close', 1006);
  await tick();
  expect(webSocket.calls.filter((call) => call === 'ended')).toHaveLength(1);
  expect(webSocket.calls.some((call) => call.startsWith('close'))).toBe(false);
});

test('a client that is not being read, as the device takes nothing, is not given up for its silence', async () => {
  const { channel, webSocket, clock } = setUp();
  for (let i = 0; i < 8; i++) webSocket.emit('message', Buffer.alloc(16_384), true, true);
  await tick();
  clock.advance(defaultLimits.readAheadMs);
  webSocket.emit('message', Buffer.alloc(16_384), true, true);
  clock.advance(2 * 900_000 - 1);
  expect([webSocket.isPaused, webSocket.calls.includes('terminate')]).toEqual([true, false]);
  channel.onCredit(1_000_000);
  await tick();
  // What it has sent meanwhile comes now.
  clock.advance(899_999);
  expect([webSocket.isPaused, webSocket.calls.includes('terminate')]).toEqual([false, false]);
  clock.advance(900_000);
  expect(webSocket.calls.at(-1)).toBe('terminate');
  webSocket.emit('close', 1006);
});

test('pongMs: a page that does not answer a PING is gone, unless it is not being read', () => {
  const { webSocket, clock } = setUp(true);
  const { pongMs } = defaultLimits;
  const pings = () => webSocket.calls.filter((call) => call === 'ping').length;
  clock.advance(pongMs);
  webSocket.emit('pong');
  clock.advance(pongMs);
  expect(pings()).toBe(2);
  webSocket.isPaused = true;
  clock.advance(2 * pongMs);
  expect(webSocket.calls).not.toContain('terminate');
  webSocket.isPaused = false;
  clock.advance(2 * pongMs);
  expect(webSocket.calls.at(-1)).toBe('terminate');
});

describe('a page that asks by the text `alive`', () => {
  const answers = (calls: string[]) => calls.filter((call) => call === 'send alive').length;
  const ask = (webSocket: FakeWebSocket) => webSocket.emit('message', Buffer.from('alive'), false, true);

  test('is answered, and that reaches no device', async () => {
    const { link, channel, webSocket } = setUp(true, { maxFrame: 16_384, window: 1 });
    ask(webSocket);
    // It sends the device nothing more, and may still read.
    webSocket.emit('message', Buffer.alloc(0), true, true);
    ask(webSocket);
    await tick();
    expect([answers(webSocket.calls), link.sent]).toEqual([2, ['close']]);
    webSocket.emit('message', Buffer.from('alive?'), false, true);
    expect([channel.destroyed, answers(webSocket.calls)]).toEqual([false, 2]);
    channel.destroy();
  });

  test('userQueueBytes: gets no answers that it does not read', async () => {
    const { channel, webSocket } = setUp(true);
    for (let i = 0; i < 2; i++) channel.onData(Buffer.alloc(16_384));
    await tick();
    for (let i = 0; i < 1_000; i++) ask(webSocket);
    expect(answers(webSocket.calls)).toBe(0);
    channel.destroy();
  });

  test('clientProbeMs: hears of the server also while it is not being read', async () => {
    const { channel, webSocket, clock } = setUp(true);
    ask(webSocket);
    for (let i = 0; i < 8; i++) webSocket.emit('message', Buffer.alloc(16_384), true, true);
    await tick();
    clock.advance(defaultLimits.readAheadMs);
    webSocket.emit('message', Buffer.alloc(16_384), true, true);
    clock.advance(2 * defaultLimits.clientProbeMs);
    expect([answers(webSocket.calls), webSocket.calls.includes('pong')]).toEqual([3, false]);
    channel.destroy();
  });

  test('and is none is refused', () => {
    const { webSocket } = setUp(false);
    ask(webSocket);
    expect(webSocket.calls).toContain('close 1003');
  });
});
