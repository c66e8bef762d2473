import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { FakeLink } from '../testing/fake-link.ts';
import { ByteBudget } from './byte-budget.ts';
import { Uplink } from './uplink.ts';

const limits = { ...defaultLimits, readAheadBytes: 10_000, readAheadTotalBytes: 15_000 };
const block = Buffer.alloc(4096);
const tick = () => new Promise((resolve) => setImmediate(resolve));

/** An uplink to a device that takes 400 bytes and then nothing. */
function setUp(total = new ByteBudget(limits.readAheadTotalBytes), clock = new ManualClock()) {
  const calls: string[] = [];
  const link = new FakeLink(100, 400);
  const channel = link.open();
  const uplink = new Uplink({
    channel,
    source: { pause: () => calls.push('pause'), resume: () => calls.push('resume') },
    probe: () => calls.push('probe'),
    limits,
    clock,
    total,
  });
  /** As much as a stream takes before it wants its writer to wait. */
  const fill = () => {
    for (let i = 0; i < 4; i++) uplink.write(block);
  };
  return { calls, link, channel, uplink, total, clock, fill };
}

test('readAheadMs: a user is held back at once, and read on when the device has taken nothing for that time', () => {
  const { calls, clock, fill } = setUp();
  fill();
  expect(calls).toEqual(['pause']);
  clock.advance(limits.readAheadMs - 1);
  expect(calls).toEqual(['pause']);
  clock.advance(1);
  expect(calls).toEqual(['pause', 'resume']);
  expect(clock.pending).toBe(0);
});

test('a device that takes everything within that time has its user read no further ahead', async () => {
  const { calls, channel, clock, total, fill } = setUp();
  fill();
  clock.advance(limits.readAheadMs - 1);
  channel.onCredit(1_000_000);
  await tick();
  expect(calls).toEqual(['pause', 'resume']);
  expect([clock.pending, total.bytes]).toEqual([0, 0]);
});

test('readAheadBytes: beyond it the user is held back again', () => {
  const { calls, uplink, total, clock, fill } = setUp();
  fill();
  clock.advance(limits.readAheadMs);
  uplink.write(block);
  uplink.write(block);
  expect(calls).toEqual(['pause', 'resume']);
  uplink.write(block);
  expect(calls).toEqual(['pause', 'resume', 'pause']);
  // Each message costs more than its bytes.
  expect(total.bytes).toBe(3 * (4096 + 256));
});

test('readAheadBytes: messages of one byte count for what they cost', () => {
  const { calls, uplink, clock, fill } = setUp();
  fill();
  clock.advance(limits.readAheadMs);
  let sent = 0;
  while (calls.length < 3) {
    uplink.write(Buffer.alloc(1));
    sent++;
  }
  expect(sent).toBe(Math.ceil(limits.readAheadBytes / 257));
});

test('readAheadTotalBytes: when others have it all, a user is held back, and asked, until there is room', async () => {
  const clock = new ManualClock();
  const total = new ByteBudget(limits.readAheadTotalBytes);
  const [first, second, third] = [setUp(total, clock), setUp(total, clock), setUp(total, clock)];
  for (const { fill } of [first, second]) fill();
  clock.advance(limits.readAheadMs);
  for (const { uplink } of [first, second]) for (let i = 0; i < 2; i++) uplink.write(block);
  expect([first.calls.at(-1), second.calls.at(-1)]).toEqual(['resume', 'pause']);
  third.fill();
  clock.advance(limits.readAheadMs);
  expect(third.calls).toEqual(['pause']);
  first.channel.onCredit(1_000_000);
  await tick();
  clock.advance(limits.clientProbeMs);
  expect(third.calls).toEqual(['pause', 'probe', 'resume']);
  for (const { channel } of [second, third]) channel.destroy();
  await tick();
  expect([total.bytes, clock.pending]).toEqual([0, 0]);
});

test('clientProbeMs: a user who is not read ahead any more is asked over and over, until the device moves', async () => {
  const { calls, channel, uplink, clock, total, fill } = setUp();
  fill();
  clock.advance(limits.readAheadMs);
  for (let i = 0; i < 3; i++) uplink.write(block);
  clock.advance(3 * limits.clientProbeMs);
  expect(calls.filter((call) => call === 'probe')).toHaveLength(3);
  channel.onCredit(1_000_000);
  await tick();
  expect(calls.at(-1)).toBe('resume');
  expect([clock.pending, total.bytes]).toEqual([0, 0]);
});

test('a half-close behind what is held back lets the user be read again once the device has all', async () => {
  const { calls, link, channel, clock, fill } = setUp();
  fill();
  channel.end();
  channel.onCredit(1_000_000);
  await tick();
  expect(link.sent.at(-1)).toBe('close');
  expect([calls.at(-1), clock.pending]).toEqual(['resume', 0]);
});

test('leftoverMs: what a user left who has gone waits for as long as the device takes some of it', async () => {
  const { link, channel, uplink, total, clock, fill } = setUp();
  fill();
  clock.advance(limits.readAheadMs);
  uplink.write(block);
  uplink.end();
  for (let i = 0; i < 3; i++) {
    clock.advance(limits.leftoverMs - 1);
    channel.onCredit(100);
    clock.advance(1);
    await tick();
  }
  expect([channel.destroyed, total.bytes > 0]).toEqual([false, true]);
  clock.advance(limits.leftoverMs);
  await tick();
  expect(link.sent.at(-1)).toBe('error 5');
  expect([channel.destroyed, total.bytes, clock.pending]).toEqual([true, 0, 0]);
});

describe('what a client left that has gone in order', () => {
  const open = () => {
    const all = setUp();
    all.channel.resume();
    all.uplink.write(Buffer.alloc(300));
    all.uplink.leave();
    return all;
  };

  test('is followed by the end once the device has taken it as far as its credit tells', async () => {
    const { link, channel, clock } = open();
    await tick();
    expect(link.sent).toEqual(['data 100 in 1', 'data 100 in 1', 'data 100 in 1']);
    channel.onCredit(50);
    await tick();
    expect(link.sent.at(-1)).not.toBe('close');
    channel.onCredit(50);
    await tick();
    expect(link.sent.at(-1)).toBe('close');
    channel.onClose();
    await tick();
    expect([channel.destroyed, clock.pending]).toEqual([true, 0]);
  });

  test('leftoverMs: waits for as long as the device takes some of it', async () => {
    const { link, channel, uplink, clock } = setUp();
    for (let i = 0; i < 8; i++) uplink.write(block);
    uplink.leave();
    for (let i = 0; i < 3; i++) {
      clock.advance(limits.leftoverMs - 1);
      channel.onCredit(100);
      clock.advance(1);
      await tick();
    }
    channel.onCredit(8 * 4096);
    await tick();
    expect([channel.destroyed, link.sent.includes('close')]).toEqual([false, true]);
    clock.advance(limits.leftoverMs);
    await tick();
    expect([channel.destroyed, clock.pending]).toEqual([true, 0]);
  });

  test('leftoverMs: is given up when the device takes nothing, without looking whole', async () => {
    const { link, channel, clock } = open();
    await tick();
    clock.advance(limits.leftoverMs);
    await tick();
    expect([link.sent.at(-1), link.sent.includes('close')]).toEqual(['error 5', false]);
    expect([channel.destroyed, clock.pending]).toEqual([true, 0]);
  });

  test('lingerMs: a device that then sends what nobody takes is soon left', async () => {
    const { link, channel, clock } = open();
    channel.onCredit(300);
    await tick();
    clock.advance(limits.leftoverMs - limits.lingerMs - 1);
    channel.onData(Buffer.alloc(1));
    await tick();
    clock.advance(limits.lingerMs - 1);
    expect(channel.destroyed).toBe(false);
    clock.advance(1);
    await tick();
    expect([link.sent.at(-1), clock.pending]).toEqual(['error 5', 0]);
  });
});

test('a user who has gone in order leaves no timer once the device has all', async () => {
  const { link, channel, uplink, clock, fill } = setUp();
  fill();
  uplink.end();
  channel.onCredit(1_000_000);
  await tick();
  expect([link.sent.at(-1), clock.pending]).toEqual(['close', 0]);
  channel.destroy();
});
