import { afterEach, describe, expect, test, vi } from 'vitest';
import { limits } from '../limits.ts';
import { Channel, type ChannelSocket } from './channel.ts';
import { endOf } from './end.ts';

/** A WebSocket without a network. */
class FakeSocket extends EventTarget {
  readyState = 1;
  bufferedAmount = 0;
  readonly sent: (Uint8Array | string)[] = [];

  send(data: Uint8Array | string): void {
    this.sent.push(data);
  }

  close(code = 1000, reason = ''): void {
    if (this.readyState > 1) return;
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason }));
  }

  receive(message: Uint8Array | string): void {
    const data = typeof message === 'string' ? message : message.slice().buffer;
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }
}

function pair() {
  const socket = new FakeSocket();
  return { socket, channel: new Channel(socket as unknown as ChannelSocket) };
}

const text = (bytes: Uint8Array | null) => bytes && new TextDecoder().decode(bytes);
const bytes = (said: string) => new TextEncoder().encode(said);

test('gives what has come, in order, and then that there is no more', async () => {
  const { socket, channel } = pair();
  const first = channel.read();
  for (const said of ['one', 'two']) socket.receive(bytes(said));
  socket.receive(new Uint8Array(0));
  socket.receive(bytes('late'));
  expect([text(await first), text(await channel.read()), await channel.read()]).toEqual(['one', 'two', null]);
  channel.close();
  expect(await channel.ended).toEqual({ key: 'end.closed', reason: '', again: true });
  await expect(channel.write(bytes('x'))).rejects.toThrow('over');
});

test('cuts what is written into messages, and says when it has finished', async () => {
  const { socket, channel } = pair();
  await channel.write(new Uint8Array(limits.messageBytes + 5));
  channel.finish();
  expect(socket.sent.map(({ length }) => length)).toEqual([limits.messageBytes, 5, 0]);
});

test('a device that sends without end loses its connection', async () => {
  const { socket, channel } = pair();
  for (let sent = 0; sent <= limits.receivedBytes; sent += 1_048_576)
    socket.receive(new Uint8Array(1_048_576));
  expect((await channel.ended).key).toBe('end.closed');
});

test('is over at once where the socket was', async () => {
  const socket = new FakeSocket();
  socket.readyState = 3;
  const channel = new Channel(socket as unknown as ChannelSocket);
  expect([(await channel.ended).key, await channel.read()]).toEqual(['end.lost', null]);
});

test.each([
  [1008, 'end.noAccess', false],
  [4403, 'end.forbidden', false],
  [4408, 'end.noLogIn', true],
  [4502, 'end.refused', true],
  [4999, 'end.failed', true],
])('close code %d', (code, key, again) => {
  expect(endOf(code, 'why')).toEqual({ key, reason: 'why', again });
});

describe('a link that is dead', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  function watched() {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const socket = new FakeSocket();
    const channel = new Channel(socket as unknown as ChannelSocket, () => () => {});
    return { socket, channel };
  }

  test('is noticed without a close frame', async () => {
    const { socket, channel } = watched();
    socket.close = () => {};
    // A device whose user is asked for consent says nothing for long.
    vi.advanceTimersByTime(600_000);
    expect(socket.sent).toEqual([]);
    socket.receive(bytes('RFB 003.008\n'));
    // From now on the server speaks to it also while it reads nothing.
    expect(socket.sent).toEqual(['alive']);
    socket.receive('alive');
    vi.advanceTimersByTime(limits.quietMs);
    expect(socket.sent).toEqual(['alive', 'alive']);
    socket.receive('alive');
    vi.advanceTimersByTime(limits.quietMs + limits.answerMs);
    expect(socket.sent).toEqual(['alive', 'alive', 'alive']);
    expect((await channel.ended).key).toBe('end.lost');
    expect([text(await channel.read()), await channel.read()]).toEqual(['RFB 003.008\n', null]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is not looked for once the connection is over', async () => {
    const { socket, channel } = watched();
    socket.receive(bytes('x'));
    expect(vi.getTimerCount()).toBe(1);
    channel.close();
    await channel.ended;
    socket.receive(bytes('late'));
    await Promise.resolve();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is not looked for where the server does not answer', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const { socket } = pair();
    socket.receive(bytes('x'));
    vi.advanceTimersByTime(600_000);
    expect(socket.sent).toEqual([]);
  });
});
