import type { PortConnection } from 'rm-reflector/ports';
import type { ByteChannel } from '../ssh/byte-channel.ts';

/** A connection to a device, as SSH reads and writes it. */
export class ConnectionBytes implements ByteChannel {
  readonly ended: Promise<void>;
  readonly #connection: PortConnection;
  readonly #pieces: AsyncIterator<Buffer>;
  #end = () => {};
  #isOver = false;

  constructor(connection: PortConnection) {
    this.#connection = connection;
    this.#pieces = connection.read()[Symbol.asyncIterator]();
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** The device has ended it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  async read(): Promise<Uint8Array | null> {
    const piece = await this.#pieces.next();
    if (!piece.done) return piece.value;
    this.#isOver = true;
    this.#end();
    return null;
  }

  async write(bytes: Uint8Array): Promise<void> {
    // The SSH library uses its buffer again.
    if (!(await this.#connection.write(bytes.slice()))) throw new Error('the connection is over');
  }

  close(): void {
    this.#connection.close();
    this.#end();
  }
}
