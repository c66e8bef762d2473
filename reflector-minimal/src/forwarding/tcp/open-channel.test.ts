import { PassThrough } from 'node:stream';
import { beforeEach, expect, test } from 'vitest';
import type { Refusal } from '../../http/refusal.ts';
import { TunnelFull, TunnelLost } from '../../ports/channel-failure.ts';
import type { DeviceChannel } from '../../ports/presence.ts';
import { refusals } from '../../refusals/catalogue.ts';
import { settled } from '../../testing/settled.ts';
import { openChannel } from './open-channel.ts';

let socket: PassThrough;
let channel: PassThrough;
let events: (string | Refusal)[];
beforeEach(() => {
  [socket, channel, events] = [new PassThrough(), new PassThrough(), []];
});

function open(device: { open(port: number): DeviceChannel }): void {
  openChannel(device, 22, socket, {
    opened: (given) => events.push(given === (channel as unknown) ? 'opened' : 'another'),
    failed: (refusal) => events.push(refusal),
  });
}

const device = {
  open: (port: number) => {
    expect(port).toBe(22);
    return channel as unknown as DeviceChannel;
  },
};

test('a channel that opens is handed over, and is of whoever has it from then on', async () => {
  open(device);
  expect(events).toEqual([]);
  channel.emit('open');
  channel.emit('open');
  expect(events).toEqual(['opened']);
  channel.on('error', () => {});
  channel.emit('error', new TunnelLost());
  socket.destroy();
  await settled();
  expect([events, channel.destroyed]).toEqual([['opened'], false]);
});

test('a channel that fails, or cannot be opened at all, is a refusal', async () => {
  open(device);
  channel.emit('error', new TunnelLost());
  expect(events).toEqual([refusals.gone]);
  socket.destroy();
  await settled();
  expect(channel.destroyed).toBe(false);
  open({
    open: () => {
      throw new TunnelFull();
    },
  });
  expect(events[1]).toMatchObject({ status: 503, error: 'Too many connections to this device' });
});

test('a user who goes away first ends the channel, and hears nothing', async () => {
  open(device);
  socket.destroy(new Error('reset'));
  await settled();
  expect([channel.destroyed, events]).toEqual([true, []]);
});
