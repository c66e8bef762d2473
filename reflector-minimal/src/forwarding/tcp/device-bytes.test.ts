import { expect, test } from 'vitest';
import { ManualClock } from '../../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../../limits.ts';
import { ChannelError } from '../../ports/channel-failure.ts';
import { ByteBudget } from '../../streams/byte-budget.ts';
import { FakeLink } from '../../testing/fake-link.ts';
import { settled } from '../../testing/settled.ts';
import { DeviceBytes } from './device-bytes.ts';

function setUp() {
  const clock = new ManualClock();
  const link = new FakeLink(100, 400);
  const channel = link.open();
  const traffic = { bytesFrom: 0, bytesTo: 0 };
  const context = { limits: defaultLimits, clock, readAhead: new ByteBudget(1000) };
  const bytes = new DeviceBytes(channel, traffic, context);
  /** What the route has read; `null`: the end. */
  const read: (string | null)[] = [];
  const reading = (async () => {
    for await (const piece of bytes.read()) read.push(piece.toString());
    read.push(null);
  })();
  return { clock, link, channel, traffic, bytes, read, reading };
}

test('a device that ends in order has ended as a whole, and is not reset', async () => {
  const { link, channel, traffic, bytes, read, reading } = setUp();
  channel.onData(Buffer.from('bye'));
  channel.onClose();
  await reading;
  expect([read, channel.destroyed]).toEqual([['bye', null], false]);
  expect(await bytes.write(Buffer.from('late'))).toBe(true);
  bytes.close();
  await settled();
  expect([link.sent, channel.destroyed, bytes.isWhole]).toEqual([['data 4 in 1', 'close'], true, true]);
  expect(traffic).toEqual({ bytesFrom: 3, bytesTo: 4 });
});

test('what was written still goes when the route closes, and nothing after it', async () => {
  const { link, channel, bytes, read } = setUp();
  const written = bytes.write(Buffer.alloc(600));
  await settled();
  bytes.close();
  expect(await bytes.write(Buffer.from('late'))).toBe(false);
  await settled();
  expect(link.sent).toEqual(Array.from({ length: 4 }, () => 'data 100 in 1'));
  channel.onCredit(400);
  expect(await written).toBe(true);
  channel.onCredit(200);
  await settled();
  expect(link.sent.slice(4)).toEqual(['data 100 in 1', 'data 100 in 1', 'close']);
  // Nobody reads what the device says then, and it can still end.
  for (let n = 0; n < 4; n++) channel.onData(Buffer.alloc(100));
  channel.onClose();
  await settled();
  expect([channel.destroyed, link.sent.includes('error 5'), bytes.isWhole]).toEqual([true, false, true]);
  expect(read.at(-1)).toBe(null);
});

test('leftoverMs: a device that does not end then is reset', async () => {
  const { clock, link, channel, bytes } = setUp();
  bytes.close();
  await settled();
  expect(link.sent).toEqual(['close']);
  clock.advance(defaultLimits.leftoverMs);
  expect([channel.destroyed, link.sent]).toEqual([true, ['close', 'error 5']]);
});

test('what is cut is not whole, also after the end of the device', async () => {
  for (const ends of [false, true]) {
    const { channel, bytes, read, reading } = setUp();
    if (ends) channel.onClose();
    await settled();
    channel.onError(ChannelError.socket);
    await reading;
    expect([read, bytes.isWhole, await bytes.write(Buffer.from('x'))]).toEqual([[null], false, false]);
  }
});
