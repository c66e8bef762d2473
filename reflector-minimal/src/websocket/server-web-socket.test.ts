import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { ServerWebSocket } from './server-web-socket.ts';

/** A socket whose other end is the test. */
class FakeSocket extends Duplex {
  /** What has been written, in hexadecimal, one entry each. */
  readonly written: string[] = [];
  /** Called once the kernel has taken it; while `takes` is false, they wait. */
  readonly untaken: ((error?: Error) => void)[] = [];
  takes = true;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.written.push(chunk.toString('hex'));
    if (this.takes) done();
    else this.untaken.push(done);
  }
}

/** A masked frame, with a key of zeros. */
function frame(first: number, payload: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.concat([Buffer.from([first, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]);
}

const closeOf = (code: number) => frame(0x88, Buffer.from([code >> 8, code & 255]));
const turn = () => new Promise(setImmediate);

function setUp(takes = true) {
  const socket = new FakeSocket();
  socket.takes = takes;
  const clock = new ManualClock();
  const limits = { ...defaultLimits, pendingPongs: 3, closeMs: 3_000 };
  const webSocket = new ServerWebSocket({ socket, messageBytes: 1_000, pieces: false, limits, clock });
  const said: string[] = [];
  webSocket.on('message', (bytes) => said.push(`message ${bytes}`));
  webSocket.on('ping', () => said.push('ping'));
  webSocket.on('pong', () => said.push('pong'));
  webSocket.on('error', () => said.push('error'));
  webSocket.on('close', (code) => said.push(`close ${code}`));
  return { socket, clock, webSocket, said };
}

test('a client that closes is answered, and the connection ends with it', async () => {
  const { socket, clock, said } = setUp();
  socket.push(Buffer.concat([frame(0x81, 'last'), closeOf(1001), frame(0x81, 'after it')]));
  await turn();
  expect(socket.written).toEqual(['880203e9']);
  expect([socket.writableEnded, socket.destroyed]).toEqual([true, false]);
  socket.push(null);
  await turn();
  expect(said).toEqual(['message last', 'close 1001']);
  expect(clock.pending).toBe(0);
});

test('closeMs: a client that does not answer the close frame is cut off', async () => {
  const { socket, clock, webSocket, said } = setUp();
  webSocket.close(1000, 'over');
  webSocket.close(1011);
  expect(socket.written).toEqual(['880603e86f766572']);
  clock.advance(2_999);
  expect(socket.destroyed).toBe(false);
  clock.advance(1);
  await turn();
  expect([socket.destroyed, said]).toEqual([true, ['close 1006']]);
  expect(clock.pending).toBe(0);
});

test('closeMs: neither does a client last that has ended its side and takes nothing', async () => {
  const { socket, clock, webSocket, said } = setUp(false);
  webSocket.send('never taken');
  socket.push(null);
  await turn();
  expect([webSocket.isOpen, socket.destroyed]).toEqual([false, false]);
  webSocket.close(1000);
  clock.advance(3_000);
  await turn();
  expect([socket.destroyed, said]).toEqual([true, ['close 1006']]);
});

test('a reason that is too long for a close frame leaves it open', () => {
  const { socket, webSocket } = setUp();
  expect(() => webSocket.close(1008, 'ü'.repeat(62))).toThrow('123');
  expect(webSocket.isOpen).toBe(true);
  webSocket.close(1011);
  expect(socket.written).toEqual(['880203f3']);
});

test('pendingPongs: a client that asks for more and takes none is disconnected', async () => {
  const { socket, said } = setUp(false);
  socket.push(Buffer.concat([frame(0x89, 'a'), frame(0x89, 'b'), frame(0x89, 'c')]));
  await turn();
  expect(socket.destroyed).toBe(false);
  socket.push(Buffer.concat([frame(0x89, 'd'), frame(0x89, 'e')]));
  await turn();
  expect(said).toEqual(['ping', 'ping', 'ping', 'ping', 'ping', 'close 1006']);
  expect(socket.written).toEqual(['8a0161']);
});

test('who takes the PONGs may ask for any number', async () => {
  const { socket, said } = setUp();
  for (let i = 0; i < 10; i++) {
    socket.push(frame(0x89, 'x'));
    await turn();
  }
  expect([socket.written.length, said.length, socket.destroyed]).toEqual([10, 10, false]);
});

test('a client that breaks the protocol gets the code for it, and nothing more of it is read', async () => {
  const { socket, clock, said } = setUp();
  socket.push(frame(0x83, 'x'));
  socket.push(frame(0x81, 'y'));
  socket.push(closeOf(1000));
  await turn();
  expect([socket.written, said]).toEqual([['880203ea'], ['error']]);
  // Its close frame counts for nothing.
  socket.push(null);
  await turn();
  expect([said, clock.pending]).toEqual([['error', 'close 1006'], 0]);
});

test('what has come while it was paused is read when the connection breaks', async () => {
  const { socket, webSocket, said } = setUp();
  webSocket.pause();
  await turn();
  socket.push(frame(0x81, 'one'));
  socket.push(Buffer.concat([frame(0x81, 'two'), closeOf(1000)]));
  await turn();
  expect(said).toEqual([]);
  socket.destroy(new Error('reset'));
  await turn();
  expect(said).toEqual(['message one', 'message two', 'close 1000']);
  expect(socket.written).toEqual([]);
});

test('it goes on where it was paused', async () => {
  const { socket, webSocket, said } = setUp();
  webSocket.on('message', () => webSocket.pause());
  socket.push(Buffer.concat([frame(0x81, 'one'), frame(0x81, 'of the same read')]));
  await turn();
  socket.push(frame(0x81, 'two'));
  await turn();
  expect([said, webSocket.isPaused]).toEqual([['message one', 'message of the same read'], true]);
  webSocket.resume();
  await turn();
  expect(said.at(-1)).toBe('message two');
});

test('a write that fails ends it once', async () => {
  const { socket, webSocket, clock, said } = setUp(false);
  const failed = new Promise((resolve) => webSocket.send('x', resolve));
  webSocket.close(1000);
  socket.untaken[0]?.(new Error('reset'));
  expect(await failed).toBeInstanceOf(Error);
  await turn();
  webSocket.terminate();
  webSocket.close(1000);
  webSocket.ping();
  await turn();
  expect([said, clock.pending]).toEqual([['close 1006'], 0]);
  expect(await new Promise((resolve) => webSocket.send('x', resolve))).toBeInstanceOf(Error);
});

test('a close frame of both at once ends it', async () => {
  const { socket, webSocket, clock, said } = setUp(false);
  webSocket.close(1000);
  socket.push(closeOf(1001));
  await turn();
  expect([said, socket.writableEnded]).toEqual([[], false]);
  socket.untaken[0]?.();
  await turn();
  expect(socket.writableEnded).toBe(true);
  socket.push(null);
  await turn();
  expect([said, clock.pending]).toEqual([['close 1001'], 0]);
});

test('messages, PINGs and PONGs are sent as they are, and a PONG is told', async () => {
  const { socket, webSocket, said } = setUp();
  webSocket.send('ab');
  webSocket.send(Uint8Array.of(1, 2, 3));
  webSocket.ping();
  webSocket.pong();
  expect(socket.written).toEqual(['81026162', '8203010203', '8900', '8a00']);
  socket.push(frame(0x8a));
  await turn();
  expect(said).toEqual(['pong']);
});

test('a close frame without a code is answered by one', async () => {
  const { socket, said } = setUp();
  socket.push(frame(0x88));
  await turn();
  expect(socket.written).toEqual(['8800']);
  socket.push(null);
  await turn();
  expect(said).toEqual(['close 1005']);
});

test('once it has closed, it is not paused', async () => {
  const { socket, webSocket } = setUp();
  socket.destroy();
  await turn();
  webSocket.pause();
  expect(webSocket.isPaused).toBe(false);
});

test('while it closes, a PING of the client is not answered', async () => {
  const { socket, webSocket, said } = setUp();
  webSocket.close(1000);
  webSocket.ping();
  socket.push(frame(0x89, 'x'));
  await turn();
  expect([socket.written, said]).toEqual([['880203e8'], ['ping']]);
});
