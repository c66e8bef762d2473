import { ProtocolError } from 'rm-protocol';

/** The fixed header has a byte and a length of at most four (MQTT 5 section 2.1). */
const MAX_LENGTH_BYTES = 4;
const PUBLISH = 3;

export interface SplitPackets {
  /** One whole packet, which belongs to the callee. */
  packet(bytes: Uint8Array): void;
  /** A publication that is longer than the bound, and is passed over; `id` is `null` with QoS 0. */
  skipped(id: number | null): void;
}

/**
 * Cuts what a broker sends into packets of at most so many bytes: the parser itself would wait for 256 MiB. A publication
 * beyond the bound is passed over, because the publisher is at fault and not the broker, which would send a retained one again
 * over each connection; any other packet of that length throws {@link ProtocolError}.
 */
export class PacketSplitter {
  readonly #maxBytes: number;
  readonly #events: SplitPackets;
  /** The packet under way, as far as it is kept. */
  #packet = new Uint8Array(0);
  /** Bytes of it that are here. */
  #have = 0;
  /** Its fixed header, until that is whole. */
  readonly #header = new Uint8Array(1 + MAX_LENGTH_BYTES);
  #headerBytes = 0;
  /** Bytes that are still to be passed over. */
  #skip = 0;
  #stopped = false;

  constructor(maxBytes: number, events: SplitPackets) {
    this.#maxBytes = maxBytes;
    this.#events = events;
  }

  /** Reads nothing more: for a caller that closes from within a callback. */
  stop(): void {
    this.#stopped = true;
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    while (start < end && !this.#stopped) {
      if (this.#have < this.#packet.length) start = this.#fill(bytes, start, end);
      else if (this.#skip > 0) {
        const passed = Math.min(this.#skip, end - start);
        this.#skip -= passed;
        start += passed;
      } else this.#readHeader(bytes[start++] ?? 0);
    }
  }

  #readHeader(byte: number): void {
    this.#header[this.#headerBytes++] = byte;
    if (this.#headerBytes === 1) return;
    if (byte >= 0x80) {
      if (this.#headerBytes > MAX_LENGTH_BYTES)
        throw new ProtocolError('RM_MQTT', 'length of more than four bytes');
      return;
    }
    let length = 0;
    for (let at = this.#headerBytes - 1; at > 0; at--)
      length = length * 128 + ((this.#header[at] ?? 0) & 0x7f);
    const whole = this.#headerBytes + length;
    if (whole > this.#maxBytes && (this.#header[0] ?? 0) >> 4 !== PUBLISH) {
      throw new ProtocolError('RM_MQTT', `packet of ${whole} bytes, allowed are ${this.#maxBytes}`);
    }
    const kept = Math.min(whole, this.#maxBytes);
    this.#packet = new Uint8Array(kept);
    this.#packet.set(this.#header.subarray(0, this.#headerBytes));
    this.#have = this.#headerBytes;
    this.#skip = whole - kept;
    if (this.#have === kept) this.#complete();
  }

  #fill(bytes: Uint8Array, start: number, end: number): number {
    const taken = Math.min(this.#packet.length - this.#have, end - start);
    this.#packet.set(bytes.subarray(start, start + taken), this.#have);
    this.#have += taken;
    if (this.#have === this.#packet.length) this.#complete();
    return start + taken;
  }

  #complete(): void {
    const packet = this.#packet;
    const at = this.#headerBytes;
    this.#packet = new Uint8Array(0);
    this.#have = 0;
    this.#headerBytes = 0;
    if (this.#skip === 0) this.#events.packet(packet);
    else this.#events.skipped(idOf(packet, at));
  }
}

/** The packet identifier of a publication, whose variable header begins at `at` (MQTT 5 section 3.3.2). */
function idOf(packet: Uint8Array, at: number): number | null {
  if (((packet[0] ?? 0) & 6) === 0) return null;
  const topicBytes = ((packet[at] ?? 0) << 8) | (packet[at + 1] ?? 0);
  const behind = at + 2 + topicBytes;
  const id = ((packet[behind] ?? 0) << 8) | (packet[behind + 1] ?? 0);
  if (behind + 2 > packet.length || id === 0) {
    throw new ProtocolError('RM_MQTT', 'publish without a packet identifier');
  }
  return id;
}
