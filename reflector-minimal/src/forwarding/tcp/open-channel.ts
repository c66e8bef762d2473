import type { Duplex } from 'node:stream';
import type { Refusal } from '../../http/refusal.ts';
import type { DeviceChannel, OnlineDevice } from '../../ports/presence.ts';
import { refusalFor } from '../../refusals/of-failure.ts';

/**
 * Opens a connection to a port of a device for the user on `socket`. Calls `opened` or `failed` once. If the user goes away
 * first, it destroys the channel and calls neither.
 */
export function openChannel(
  device: Pick<OnlineDevice, 'open'>,
  port: number,
  socket: Duplex,
  { opened, failed }: { opened(channel: DeviceChannel): void; failed(refusal: Refusal): void },
): void {
  let channel: DeviceChannel;
  try {
    channel = device.open(port);
  } catch (error) {
    failed(refusalFor(error, port));
    return;
  }
  const abandon = () => channel.destroy();
  const fail = (error: Error) => {
    socket.off('close', abandon);
    failed(refusalFor(error, port));
  };
  socket.on('error', () => {});
  socket.once('close', abandon);
  channel.once('error', fail);
  channel.once('open', () => {
    socket.off('close', abandon);
    channel.off('error', fail);
    opened(channel);
  });
}
