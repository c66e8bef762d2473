import type { Channel } from '../connection/channel.ts';
import { RfbChannel } from './rfb-channel.ts';

/**
 * The channel for noVNC, over a connection to a device. Call `begin` once noVNC has it; the promise resolves when the connection
 * is over, and never rejects. `failed`: noVNC has thrown at what the device has sent.
 */
export function rfbOver(channel: Channel): {
  readonly rfb: RfbChannel;
  begin(failed: () => void): Promise<void>;
} {
  // One write after the other: their order is that of the keys that were pressed.
  let written = Promise.resolve();
  const rfb = new RfbChannel({
    send: (bytes) => {
      const copy = bytes.slice();
      written = written.then(() => channel.write(copy)).catch(() => {});
    },
    close: () => channel.close(),
  });
  const begin = async (failed: () => void) => {
    rfb.opened();
    for (let bytes = await channel.read(); bytes !== null; bytes = await channel.read()) {
      try {
        rfb.received(bytes.slice().buffer);
      } catch {
        failed();
        break;
      }
    }
    // RFB has no connection that is open in one direction only.
    channel.close();
    await channel.ended;
    rfb.ended({ code: 1000, reason: '' });
  };
  return { rfb, begin };
}
