// What mqtt-packet needs of Node's Buffer: an array of bytes with two writers.
import { utf8Encode } from 'rm-protocol';

export class Buffer extends Uint8Array {
  /**
   * @override
   * @param {readonly number[]} bytes
   */
  static from(bytes) {
    return new Buffer(bytes);
  }

  /** @param {number} size */
  static alloc(size) {
    return new Buffer(size);
  }

  /** @param {number} size */
  static allocUnsafe(size) {
    return new Buffer(size);
  }

  /** @param {string | Uint8Array} value */
  static byteLength(value) {
    return typeof value === 'string' ? utf8Encode(value).length : value.length;
  }

  /** @param {unknown} value */
  static isBuffer(value) {
    return value instanceof Buffer;
  }

  /**
   * @param {number} value
   * @param {number} at
   */
  writeUInt8(value, at) {
    this[at] = value;
  }

  /**
   * @param {number} value
   * @param {number} at
   */
  writeUInt32BE(value, at) {
    for (let index = 0; index < 4; index++) this[at + index] = value >>> (24 - 8 * index);
  }
}
