import type { Traffic } from '../../audit/audit.ts';
import type { DeviceChannel } from '../../ports/presence.ts';
import type { PortConnection } from '../../ports/routes.ts';

/** A channel to a device, as a route reads and writes it. */
export class DeviceBytes implements PortConnection {
  readonly #channel: DeviceChannel;
  readonly #traffic: Traffic;
  #isClosed = false;

  /** `traffic`: what passes is counted there. */
  constructor(channel: DeviceChannel, traffic: Traffic) {
    this.#channel = channel;
    this.#traffic = traffic;
  }

  /** It has ended as one side or both wanted it. */
  get isWhole(): boolean {
    const { readableEnded, writableFinished } = this.#channel;
    return this.#isClosed || (readableEnded && writableFinished);
  }

  async *read(): AsyncGenerator<Buffer> {
    try {
      for await (const piece of this.#channel as AsyncIterable<Buffer>) {
        this.#traffic.bytesFrom += piece.length;
        yield piece;
      }
    } catch {
      // Cut: the route is told by `PortUser`, and the end of the promise.
    }
  }

  write(bytes: Uint8Array): Promise<boolean> {
    const channel = this.#channel;
    if (channel.destroyed || channel.writableEnded) return Promise.resolve(false);
    this.#traffic.bytesTo += bytes.length;
    return new Promise((resolve) => {
      const over = () => resolve(false);
      channel.once('close', over);
      channel.write(bytes, (error) => {
        channel.off('close', over);
        resolve(!error);
      });
    });
  }

  close(): void {
    this.#isClosed = true;
    const channel = this.#channel;
    channel.end(() => channel.destroy());
  }
}
