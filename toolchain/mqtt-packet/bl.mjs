// What the parser of mqtt-packet needs of a list of buffers. It gets one whole packet at a time (agent/src/mqtt/codec.ts), so
// the list has one.
import { utf8Decode } from 'rm-protocol';

class BufferList {
  bytes = new Uint8Array(0);

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  append(bytes) {
    this.bytes = bytes;
  }

  get length() {
    return this.bytes.length;
  }

  /**
   * @param {number} at
   * @returns {number}
   */
  readUInt8(at) {
    const byte = this.bytes[at];
    if (byte === undefined) throw new RangeError('packet too short');
    return byte;
  }

  /** @param {number} at */
  readUInt16BE(at) {
    return this.readUInt8(at) * 256 + this.readUInt8(at + 1);
  }

  /** @param {number} at */
  readUInt32BE(at) {
    return this.readUInt16BE(at) * 65536 + this.readUInt16BE(at + 2);
  }

  /**
   * @param {number} start
   * @param {number} end
   */
  slice(start, end) {
    return this.bytes.subarray(start, end);
  }

  /**
   * @param {string} _encoding
   * @param {number} start
   * @param {number} end
   */
  toString(_encoding, start, end) {
    return utf8Decode(this.bytes, start, end);
  }

  /** @param {number} count */
  consume(count) {
    this.bytes = this.bytes.subarray(count);
  }
}

export default () => new BufferList();
