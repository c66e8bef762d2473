import { limits } from '../limits.ts';
import { malformed } from './failure.ts';

/** Cuts a stream into packets: a length of four bytes, and that many bytes (draft-ietf-secsh-filexfer-02 section 3). */
export class PacketReader {
  readonly #length = new Uint8Array(4);
  #lengthBytes = 0;
  #packet: Uint8Array | null = null;
  #packetBytes = 0;

  /** The packets that are whole now, without their lengths. Throws `SftpFailure`; nothing is to be given to it then. */
  *receive(bytes: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; ) {
      if (!this.#packet) {
        const part = bytes.subarray(at, at + 4 - this.#lengthBytes);
        this.#length.set(part, this.#lengthBytes);
        this.#lengthBytes += part.length;
        at += part.length;
        if (this.#lengthBytes < 4) return;
        const length = new DataView(this.#length.buffer).getUint32(0);
        if (length === 0 || length > limits.sftpPacketBytes) throw malformed();
        this.#packet = new Uint8Array(length);
        this.#packetBytes = 0;
      }
      const part = bytes.subarray(at, at + this.#packet.length - this.#packetBytes);
      this.#packet.set(part, this.#packetBytes);
      this.#packetBytes += part.length;
      at += part.length;
      if (this.#packetBytes < this.#packet.length) return;
      const packet = this.#packet;
      this.#packet = null;
      this.#lengthBytes = 0;
      yield packet;
    }
  }
}
