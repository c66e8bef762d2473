import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { type ChannelFailure, TunnelLost } from '../ports/channel-failure.ts';
import { FakeLink } from '../testing/fake-link.ts';
import { Channel } from './channel.ts';

const tick = () => new Promise((resolve) => setImmediate(resolve));
const fault = async (channel: Channel) => (await once(channel, 'error'))[0] as ChannelFailure;

describe('a channel towards the device', () => {
  test('maxFrame: sends no more than its credit, in frames of at most maxFrame, and goes on with more', () => {
    const link = new FakeLink();
    const channel = link.open();
    channel.write(Buffer.alloc(450));
    expect(link.sent).toEqual(['data 100 in 1', 'data 100 in 1', 'data 100 in 1', 'data 100 in 1']);
    channel.onCredit(30);
    channel.onCredit(1000);
    expect(link.sent.slice(4)).toEqual(['data 30 in 1', 'data 20 in 1']);
  });

  test('puts what was written in pieces into one frame', async () => {
    const link = new FakeLink();
    const channel = link.open();
    channel.cork();
    for (const text of ['5\r\n', 'hello', '\r\n']) channel.write(text);
    channel.uncork();
    expect(link.sent).toEqual(['data 10 in 3']);
  });

  test('holds back its writer while there is no credit', async () => {
    const link = new FakeLink(16384, 16384);
    const channel = link.open();
    channel.write(Buffer.alloc(16384));
    expect(channel.write(Buffer.alloc(16384))).toBe(false);
    let drained = false;
    channel.on('drain', () => {
      drained = true;
    });
    expect(link.sent).toEqual(['data 16384 in 1']);
    expect(drained).toBe(false);
    channel.onCredit(16384);
    await tick();
    expect(drained).toBe(true);
  });

  test('waits for the answer to its open request', () => {
    const link = new FakeLink();
    const channel = new Channel(link, 8, 80);
    channel.write('early');
    channel.end();
    expect(link.sent).toEqual([]);
    channel.onConfirm();
    expect(link.sent).toEqual(['data 5 in 1', 'close']);
  });

  test('credit beyond 2^31 is a violation', async () => {
    const link = new FakeLink();
    const channel = link.open();
    const failed = fault(channel);
    channel.onCredit(0x7fffffff);
    expect((await failed).error).toBe(6);
    expect(link.sent).toEqual(['error 6']);
  });
});

describe('a channel from the device', () => {
  test('gives credit only for what its reader has taken, half a window at a time', async () => {
    const link = new FakeLink();
    const channel = link.open();
    for (let i = 0; i < 4; i++) channel.onData(Buffer.alloc(100));
    await tick();
    expect(link.sent).toEqual([]);
    expect(link.held).toBe(400);
    channel.read(100);
    await tick();
    expect([link.sent, link.held]).toEqual([[], 300]);
    channel.resume();
    await tick();
    expect(link.sent).toEqual(['credit 400']);
    expect(link.held).toBe(0);
  });

  test('window: more than that ends it with error 6', async () => {
    const link = new FakeLink();
    const channel = link.open();
    const failed = fault(channel);
    for (let i = 0; i < 4; i++) channel.onData(Buffer.alloc(100));
    channel.onData(Buffer.alloc(1));
    expect((await failed).message).toBe('the device sent more data than its window');
    expect(link.sent).toEqual(['error 6']);
    expect([link.free, link.held]).toEqual([true, 0]);
  });

  test('data after close ends it with error 6', async () => {
    const link = new FakeLink();
    const channel = link.open();
    const failed = fault(channel);
    channel.onClose();
    channel.onData(Buffer.alloc(1));
    expect((await failed).error).toBe(6);
  });

  test('an error is told after what was received before it, the number is free at once', async () => {
    const link = new FakeLink();
    const channel = link.open();
    channel.onData(Buffer.from('one '));
    channel.onData(Buffer.from('two'));
    channel.onError(5);
    expect(link.free).toBe(true);
    let text = '';
    channel.on('data', (piece) => {
      text += piece;
    });
    expect((await fault(channel)).error).toBe(5);
    expect(text).toBe('one two');
    expect(link.sent).toEqual([]);
  });

  test('the number is free once both directions are closed, in either order', async () => {
    for (const deviceFirst of [true, false]) {
      const link = new FakeLink();
      const channel = link.open();
      channel.resume();
      const steps = [() => channel.onClose(), () => channel.end()];
      if (!deviceFirst) steps.reverse();
      steps[0]?.();
      await tick();
      expect(link.free).toBe(false);
      steps[1]?.();
      await once(channel, 'close');
      expect([link.free, link.sent]).toEqual([true, ['close']]);
    }
  });

  test('the end of the tunnel destroys it', async () => {
    const link = new FakeLink();
    const channel = link.open();
    const failed = fault(channel);
    channel.onTunnelLost('cable cut');
    expect(await failed).toBeInstanceOf(TunnelLost);
    expect(link.sent).toEqual([]);
  });

  test('destroy ends it with error 5', async () => {
    const link = new FakeLink();
    const channel = link.open();
    channel.destroy();
    await once(channel, 'close');
    expect(link.sent).toEqual(['error 5']);
  });

  test('a refusal is told as such', async () => {
    const link = new FakeLink();
    const channel = new Channel(link, 8, 80);
    const failed = fault(channel);
    channel.onError(3);
    expect(await failed).toMatchObject({ error: 3, stage: 'opening', message: 'connection refused' });
  });
});
