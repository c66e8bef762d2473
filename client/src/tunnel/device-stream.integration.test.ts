import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { Failure } from '../failure.ts';
import { defaultLimits } from '../limits.ts';
import { TunnelStage } from '../testing/tunnel-stage.ts';

let stage: TunnelStage;
afterEach(() => stage.close());

const binary = 2;
const close = 8;
const ping = 9;
const pong = 10;

/** All that comes; those of `node:stream/consumers` would destroy the stream at its end. */
async function text(): Promise<string> {
  let received = '';
  stage.stream.on('data', (chunk: Buffer) => {
    received += chunk;
  });
  await once(stage.stream, 'end');
  return received;
}

async function failure(): Promise<string> {
  const [error] = await once(stage.stream, 'error');
  expect(error).toBeInstanceOf(Failure);
  return (error as Failure).message;
}

describe('a device stream', () => {
  test('each end is told by an empty message; the close frame finishes it', async () => {
    stage = await TunnelStage.open();
    const received = text();
    stage.stream.end('to the device');
    expect(await stage.frame()).toEqual({ opcode: binary, payload: Buffer.from('to the device') });
    expect(await stage.frame()).toEqual({ opcode: binary, payload: Buffer.alloc(0) });
    expect(stage.stream.writableFinished).toBe(false);
    stage.send('82 02 6869 82 00');
    expect(await received).toBe('hi');
    stage.send('88 02 03e8');
    await once(stage.stream, 'close');
    expect(stage.stream.writableFinished).toBe(true);
    expect(await stage.frame()).toEqual({ opcode: close, payload: Buffer.from('03e8', 'hex') });
    await once(stage.peer, 'end');
  });

  test('without the extension: 2,048 bytes a message, an empty one means nothing, a close frame is the end', async () => {
    stage = await TunnelStage.open({ extended: false });
    const received = text();
    stage.stream.write(Buffer.alloc(5000));
    const lengths = [];
    for (let i = 0; i < 3; i++) lengths.push((await stage.frame()).payload.length);
    expect(lengths).toEqual([2048, 2048, 904]);
    stage.send('82 00 82 02 6869');
    stage.stream.end();
    expect(await stage.frame()).toEqual({ opcode: close, payload: Buffer.from('03e8', 'hex') });
    stage.send('88 02 03e8');
    expect(await received).toBe('hi');
  });

  test("the reflector's close frame ends both directions, after what came before it", async () => {
    stage = await TunnelStage.open({ extended: false });
    stage.send('82 03 627965 88 00');
    stage.stream.read(0);
    expect(await stage.frame()).toEqual({ opcode: close, payload: Buffer.from('03e8', 'hex') });
    stage.stream.write('nobody takes it');
    const closed = once(stage.stream, 'close');
    expect(await text()).toBe('bye');
    await closed;
    expect(stage.stream.errored).toBeNull();
  });

  test.each([
    ['88 02 03f3', 'the connection on the device broke'],
    ['88 02 03f0', 'access has ended: the token has expired or was revoked, or the account was changed'],
    ['88 02 03e9', 'the reflector is being stopped'],
    ['88 06 0fa0 6d696e64', 'the reflector closed it with 4000 (mind)'],
    ['88 04 0fa0 1b5b', 'the reflector closed it with 4000 ( [)'],
  ])('%s means: %s', async (hex, line) => {
    stage = await TunnelStage.open();
    stage.stream.resume();
    stage.send(hex);
    expect(await failure()).toBe(`pump-7 port 22: ${line}`);
  });

  test.each([
    ['a masked frame', '82 81 00000000 00', 'masked frame from a server', '03ea'],
    ['text', '81 01 61', 'text message', '03eb'],
    ['data after the end', '82 00 82 01 61', 'data after the end', '03ea'],
    ['a message beyond messageBytes', '82 7f 0000000000010001', 'message of more than 65536 bytes', '03f1'],
  ])('%s breaks the protocol: told to the reflector, too', async (_, hex, line, code) => {
    stage = await TunnelStage.open();
    stage.stream.resume();
    stage.send(hex);
    expect(await failure()).toBe(`pump-7 port 22: the reflector broke the protocol: ${line}`);
    expect(await stage.frame()).toEqual({ opcode: close, payload: Buffer.from(code, 'hex') });
  });

  test.each([
    ['ends', () => stage.peer.end(), 'connection closed'],
    ['is reset', () => stage.peer.resetAndDestroy(), 'connection reset'],
  ])('a connection that %s without a close frame is broken', async (_, lose, line) => {
    stage = await TunnelStage.open();
    stage.stream.resume();
    lose();
    expect(await failure()).toBe(`pump-7 port 22: the connection to the reflector broke: ${line}`);
  });

  test('what came before an orderly end is delivered, even when the connection is lost after it', async () => {
    stage = await TunnelStage.open();
    stage.send('82 03 616c6c 82 00');
    const failed = failure();
    stage.peer.end();
    await once(stage.stream, 'readable');
    while (!stage.stream.readableLength) await new Promise(setImmediate);
    const chunks: Buffer[] = [];
    stage.stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    expect(await failed).toMatch(/broke/);
    expect(Buffer.concat(chunks).toString()).toBe('all');
  });

  test('answers PINGs; asks for a sign of life, and gives up pongMs later', async () => {
    stage = await TunnelStage.open();
    stage.stream.resume();
    stage.send('89 04 64617465');
    expect(await stage.frame()).toEqual({ opcode: pong, payload: Buffer.from('date') });
    stage.clock.advance(defaultLimits.keepAliveMs);
    expect((await stage.frame()).opcode).toBe(ping);
    const failed = failure();
    stage.clock.advance(defaultLimits.pongMs);
    expect(await failed).toBe('pump-7 port 22: the reflector has fallen silent');
    expect(stage.clock.pending).toBe(0);
  });

  test('a reader that stalls stops the reflector: little is held', async () => {
    stage = await TunnelStage.open();
    const message = Buffer.alloc(defaultLimits.messageBytes);
    let taken = 0;
    const flood = () => {
      for (let i = 0; i < 16; i++) {
        stage.sendMessage(message);
        taken += message.length;
      }
    };
    stage.stream.read(0);
    // Until the kernel takes no more, which its buffers let happen after some MiB.
    for (let idle = 0; idle < 50; ) {
      const before = stage.peer.bytesWritten - stage.peer.writableLength;
      if (stage.peer.writableLength < message.length) flood();
      await new Promise(setImmediate);
      idle = stage.peer.bytesWritten - stage.peer.writableLength === before ? idle + 1 : 0;
    }
    expect(stage.peer.writableLength).toBeGreaterThan(0);
    // One high-water mark, and the read of the socket that crossed it.
    expect(stage.stream.readableLength).toBeLessThanOrEqual(3 * defaultLimits.messageBytes);
    let received = 0;
    stage.stream.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    stage.send('82 00');
    await once(stage.stream, 'end');
    expect(received).toBe(taken);
  });

  test('a reflector that stalls stops the writer, and of its PINGs only the last is answered', async () => {
    stage = await TunnelStage.open();
    stage.stream.resume();
    stage.peer.pause();
    // Until the kernel takes no more.
    for (let idle = 0; idle < 50; idle++) {
      while (!stage.stream.writableNeedDrain) {
        stage.stream.write(Buffer.alloc(defaultLimits.messageBytes));
        idle = 0;
      }
      await new Promise(setImmediate);
    }
    expect(stage.stream.writableLength).toBe(defaultLimits.messageBytes);
    expect(stage.socket.writableLength).toBeLessThan(2 * defaultLimits.messageBytes);
    for (let i = 0; i < 1000; i++) stage.send('89 02 0000');
    stage.send('89 01 ff');
    const drained = once(stage.stream, 'drain');
    await new Promise((resolve) => setImmediate(resolve));
    stage.peer.resume();
    await drained;
    const pongs: string[] = [];
    while (pongs.at(-1) !== 'ff') {
      const { opcode, payload } = await stage.frame();
      if (opcode === pong) pongs.push(payload.toString('hex'));
    }
    expect(pongs.length).toBeLessThan(1000);
  });

  test('a reflector that does not answer the close frame is left after closeMs', async () => {
    stage = await TunnelStage.open({ extended: false });
    stage.stream.resume();
    stage.stream.end();
    expect((await stage.frame()).opcode).toBe(close);
    const failed = failure();
    stage.clock.advance(defaultLimits.closeMs);
    expect(await failed).toMatch(/does not end the connection|fallen silent/);
  });

  test('a reflector that does not end the connection is left after lingerMs', async () => {
    stage = await TunnelStage.open();
    stage.stream.resume();
    stage.stream.end();
    stage.send('82 00 88 02 03e8');
    await once(stage.stream, 'close');
    stage.clock.advance(defaultLimits.lingerMs - 1);
    expect(stage.socket.destroyed).toBe(false);
    stage.clock.advance(1);
    expect([stage.socket.destroyed, stage.clock.pending]).toEqual([true, 0]);
  });
});
