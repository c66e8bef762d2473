import type { Traffic } from '../../audit/audit.ts';
import type { DeviceChannel } from '../../ports/presence.ts';
import type { PortConnection } from '../../ports/routes.ts';
import { Uplink } from '../../streams/uplink.ts';
import type { TcpContext } from './target.ts';

/** A channel to a device, as a route reads and writes it. */
export class DeviceBytes implements PortConnection {
  readonly #channel: DeviceChannel;
  readonly #traffic: Traffic;
  readonly #pieces: AsyncIterator<Buffer>;
  readonly #uplink: Uplink;
  #isClosed = false;

  /** `traffic`: what passes is counted there. */
  constructor(
    channel: DeviceChannel,
    traffic: Traffic,
    { limits, clock, readAhead }: Pick<TcpContext, 'limits' | 'clock' | 'readAhead'>,
  ) {
    this.#channel = channel;
    this.#traffic = traffic;
    // The device may have ended, and still takes what is written.
    const pieces = channel.iterator({ destroyOnReturn: false });
    this.#pieces = pieces[Symbol.asyncIterator]();
    const source = { pause: () => {}, resume: () => {} };
    this.#uplink = new Uplink({ channel, source, limits, clock, total: readAhead });
  }

  /** The route has closed it. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** It has ended as one side or both wanted it. */
  get isWhole(): boolean {
    const { readableEnded, errored } = this.#channel;
    return this.#isClosed || (readableEnded && errored === null);
  }

  async *read(): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const { value, done } = await this.#pieces.next();
        if (done) return;
        this.#traffic.bytesFrom += value.length;
        yield value;
      }
    } catch {
      // Cut: the route is told by `PortUser`, and the end of the promise.
    }
  }

  write(bytes: Uint8Array): Promise<boolean> {
    const channel = this.#channel;
    if (this.#isClosed || channel.destroyed || channel.writableEnded) return Promise.resolve(false);
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
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#uplink.leave();
    // The end of the device comes after what nobody reads any more.
    const drain = () => this.#channel.resume();
    this.#pieces.return?.().then(drain, drain);
  }
}
