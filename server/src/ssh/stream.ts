import { BaseStream } from '@microsoft/dev-tunnels-ssh/streams.js';
import { Buffer } from 'buffer';
import type { ByteChannel } from './byte-channel.ts';

/** A channel as the SSH library reads and writes it. It asks for the next bytes only when it has taken those before. */
export class ChannelStream extends BaseStream {
  readonly #channel: ByteChannel;
  #rest: Uint8Array | null = null;

  constructor(channel: ByteChannel) {
    super();
    this.#channel = channel;
    channel.ended.then(() => this.fireOnClose()).catch(() => {});
  }

  override async read(count: number): Promise<Buffer | null> {
    const bytes = this.#rest ?? (await this.#channel.read());
    if (bytes === null) return null;
    this.#rest = bytes.length > count ? bytes.subarray(count) : null;
    const { buffer, byteOffset, length } = bytes;
    return Buffer.from(buffer as ArrayBuffer, byteOffset, Math.min(length, count));
  }

  async write(data: Buffer): Promise<void> {
    await this.#channel.write(data);
  }

  async close(): Promise<void> {
    this.#channel.close();
  }
}
