import type { SshChannel } from '@microsoft/dev-tunnels-ssh/sshChannel.js';
import type { SshSession } from '@microsoft/dev-tunnels-ssh/sshSession.js';
import { Buffer } from 'buffer';

/** The bytes of a subsystem, on a channel of its own beside the shell. */
export class Subsystem {
  /** Resolves when it is over. */
  readonly ended: Promise<void>;
  readonly #channel: SshChannel;
  /** What has been sent, one after the other: a server that ends a channel ends the connection of whoever goes on with it. */
  #sent: Promise<void> = Promise.resolve();
  #closed = false;

  /** `take` gets a copy of what the server says; the server may say more at once. */
  constructor(channel: SshChannel, session: SshSession, take: (bytes: Uint8Array) => void) {
    this.#channel = channel;
    channel.onDataReceived((data) => {
      // Then the server is to say no more.
      if (this.#closed) return;
      // The view is of a buffer that the library uses again.
      take(new Uint8Array(data));
      channel.adjustWindow(data.length);
    });
    // Its words for people.
    channel.onExtendedDataReceived(({ data }) => channel.adjustWindow(data.length));
    this.ended = new Promise((resolve) => {
      // It sends no more: what runs there has ended.
      channel.onEof(() => resolve());
      channel.onClosed(() => resolve());
      session.onClosed(() => resolve());
    });
    this.ended.then(() => this.close()).catch(() => {});
  }

  /** Rejects when it is over. */
  send(bytes: Uint8Array): Promise<void> {
    const { buffer, byteOffset, length } = bytes;
    const sent = this.#sent.then(() => {
      if (this.#closed) throw new Error('the subsystem is over');
      return this.#channel.send(Buffer.from(buffer as ArrayBuffer, byteOffset, length));
    });
    this.#sent = sent;
    return sent;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#channel.close().catch(() => {});
  }
}
