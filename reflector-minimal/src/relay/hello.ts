import { PeerViolation } from './peer-violation.ts';
import { decodeText } from './text.ts';

/*
 * The first bytes in each direction: magic (4), lowest version (1), highest version (1), length of the body (2). The body: epoch
 * (8), length of the name (1), name. A later version may append to the body; what is not known there is not read. Integers are
 * big-endian.
 */

/** A life of a node: what its connection is about. */
export interface NodeLife {
  /** 1 to 255 bytes of UTF-8. */
  readonly name: string;
  /** Whole number from 0 to 2^53-1. A node that starts again has a higher one. */
  readonly epoch: number;
}

export interface Hello extends NodeLife {
  readonly lowest: number;
  readonly highest: number;
}

/** The versions of the relay that this program speaks. */
export const relayVersions = { lowest: 1, highest: 1 } as const;

const magic = Buffer.from('rmrl', 'latin1');
const fixedBytes = 8;
const epochBytes = 8;
const maxNameBytes = 255;
/** Room for what later versions append. */
const maxBodyBytes = 1024;

/** Throws `RangeError` for a name or an epoch out of its bounds. */
export function encodeHello({ name, epoch, lowest, highest }: Hello): Buffer {
  const nameBytes = Buffer.from(name);
  if (nameBytes.length === 0 || nameBytes.length > maxNameBytes)
    throw new RangeError(`name of a node: 1 to ${maxNameBytes} bytes`);
  if (!Number.isSafeInteger(epoch) || epoch < 0) throw new RangeError(`epoch of a node: ${epoch}`);
  const bodyBytes = epochBytes + 1 + nameBytes.length;
  const hello = Buffer.alloc(fixedBytes + bodyBytes);
  magic.copy(hello);
  hello[4] = lowest;
  hello[5] = highest;
  hello.writeUInt16BE(bodyBytes, 6);
  hello.writeBigUInt64BE(BigInt(epoch), fixedBytes);
  hello[fixedBytes + epochBytes] = nameBytes.length;
  nameBytes.copy(hello, fixedBytes + epochBytes + 1);
  return hello;
}

/** Collects the hello of the other node. */
export class HelloReader {
  #bytes = Buffer.alloc(fixedBytes);
  #have = 0;

  /**
   * Takes bytes up to the end of the hello. Returns `null` while it is not complete, then the hello and the index after it.
   * Throws {@link PeerViolation} as soon as the bytes cannot be one.
   */
  push(piece: Buffer): { readonly hello: Hello; readonly next: number } | null {
    let at = 0;
    while (at < piece.length) {
      const copied = piece.copy(this.#bytes, this.#have, at);
      at += copied;
      this.#have += copied;
      this.#checkMagic();
      if (this.#have < this.#bytes.length) return null;
      if (this.#bytes.length === fixedBytes) {
        const bodyBytes = this.#bytes.readUInt16BE(6);
        if (bodyBytes < epochBytes + 2 || bodyBytes > maxBodyBytes)
          throw new PeerViolation(`hello with a body of ${bodyBytes} bytes`);
        this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(bodyBytes)]);
      } else return { hello: this.#decode(), next: at };
    }
    return null;
  }

  #checkMagic(): void {
    const compared = Math.min(this.#have, magic.length);
    if (this.#bytes.compare(magic, 0, compared, 0, compared) !== 0)
      throw new PeerViolation('not the protocol of the relay');
  }

  #decode(): Hello {
    const bytes = this.#bytes;
    const epoch = bytes.readBigUInt64BE(fixedBytes);
    if (epoch > BigInt(Number.MAX_SAFE_INTEGER)) throw new PeerViolation('epoch beyond 2^53');
    const nameBytes = bytes[fixedBytes + epochBytes] ?? 0;
    const start = fixedBytes + epochBytes + 1;
    if (nameBytes === 0 || start + nameBytes > bytes.length)
      throw new PeerViolation(`hello with a name of ${nameBytes} bytes`);
    return {
      lowest: bytes[4] ?? 0,
      highest: bytes[5] ?? 0,
      epoch: Number(epoch),
      name: decodeText(bytes.subarray(start, start + nameBytes), 'name of a node'),
    };
  }
}

/** The highest version that both speak; `null`: there is none. */
export function commonVersion(ours: Pick<Hello, 'lowest' | 'highest'>, theirs: Hello): number | null {
  const version = Math.min(ours.highest, theirs.highest);
  return version >= Math.max(ours.lowest, theirs.lowest) ? version : null;
}
