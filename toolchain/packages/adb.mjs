// The database format of apk-tools v3 (apk-v3(5)): typed values that refer to one another by their offset, written in
// the order in which apk itself writes them.

/** @typedef {number} Value a tagged 32-bit word: 4 bits of type, 28 of an immediate number or an offset */

const types = { int: 0x1, int32: 0x2, int64: 0x3, blob8: 0x8, blob16: 0x9, blob32: 0xa, object: 0xe };

/** @param {keyof typeof types} type @param {number} value @returns {Value} */
const tagged = (type, value) => ((types[type] << 28) | value) >>> 0;

/** The value of a field that is not there. @type {Value} */
export const nothing = 0;

/** The header: version of the format, then the root object. */
const headerBytes = 8;

/** A database in the making. */
export class Database {
  /** @type {Buffer[]} */
  #parts = [Buffer.alloc(headerBytes)];
  #length = headerBytes;
  /** Where equal content stands already. @type {Map<string, number>} */
  #written = new Map();

  /**
   * @param {Buffer} bytes
   * @param {number} alignment
   * @param {boolean} [shared] whether equal bytes may stand for these
   */
  #append(bytes, alignment, shared = true) {
    const key = `${alignment} ${bytes.toString('latin1')}`;
    const known = shared ? this.#written.get(key) : undefined;
    if (known !== undefined) return known;
    const padding = (alignment - (this.#length % alignment)) % alignment;
    const offset = this.#length + padding;
    this.#parts.push(Buffer.alloc(padding), bytes);
    this.#length = offset + bytes.length;
    if (shared) this.#written.set(key, offset);
    return offset;
  }

  /**
   * @param {Buffer | string} content
   * @param {boolean} [shared]
   * @returns {Value}
   */
  blob(content, shared = true) {
    const bytes = Buffer.from(content);
    if (bytes.length === 0) return nothing;
    const [type, width] =
      bytes.length > 0xffff
        ? /** @type {const} */ (['blob32', 4])
        : bytes.length > 0xff
          ? /** @type {const} */ (['blob16', 2])
          : /** @type {const} */ (['blob8', 1]);
    const length = Buffer.alloc(width);
    length.writeUIntLE(bytes.length, 0, width);
    return tagged(type, this.#append(Buffer.concat([length, bytes]), width, shared));
  }

  /** @param {number} value a whole number, not negative @returns {Value} */
  int(value) {
    if (value < 0x1000_0000) return tagged('int', value);
    const wide = value >= 0x1_0000_0000;
    const bytes = Buffer.alloc(wide ? 8 : 4);
    if (wide) bytes.writeBigUInt64LE(BigInt(value));
    else bytes.writeUInt32LE(value);
    return tagged(wide ? 'int64' : 'int32', this.#append(bytes, 4));
  }

  /**
   * An array. The format has a type for it, but apk writes arrays with the type of objects.
   * @param {readonly Value[]} values
   * @returns {Value}
   */
  array(values) {
    let used = values.length;
    while (used > 0 && values[used - 1] === nothing) used -= 1;
    if (used === 0) return nothing;
    const bytes = Buffer.alloc(4 * (used + 1));
    bytes.writeUInt32LE(used + 1, 0);
    for (let slot = 0; slot < used; slot++) bytes.writeUInt32LE(values[slot] ?? nothing, 4 * (slot + 1));
    return tagged('object', this.#append(bytes, 4));
  }

  /**
   * @param {Readonly<Record<number, Value>>} fields by the number that the schema gives them, from 1
   * @returns {Value}
   */
  object(fields) {
    const last = Math.max(0, ...Object.keys(fields).map(Number));
    return this.array(Array.from({ length: last }, (_, index) => fields[index + 1] ?? nothing));
  }

  /**
   * Where the content of a blob of at most 255 bytes lies in what {@link finish} gives.
   * @param {Value} blob
   */
  static contentOffset(blob) {
    return (blob & 0x0fff_ffff) + 1;
  }

  /** @param {Value} root @returns {Buffer} */
  finish(root) {
    const all = Buffer.concat(this.#parts);
    all.writeUInt32LE(root, 4);
    return all;
  }
}

/** Kinds of blocks in a file. */
export const blockKinds = /** @type {const} */ ({ database: 0, signature: 1, data: 2 });

/**
 * A block: two bits of kind and 30 of length, the content, and zeroes up to a multiple of eight bytes.
 * @param {keyof typeof blockKinds} kind
 * @param {Buffer} content at most 1 GiB
 */
export function adbBlock(kind, content) {
  const length = 4 + content.length;
  if (length > 0x3fff_ffff) throw new Error('larger than a block may be');
  const header = Buffer.alloc(4);
  header.writeUInt32LE(((blockKinds[kind] << 30) | length) >>> 0);
  return Buffer.concat([header, content, Buffer.alloc((8 - (length % 8)) % 8)]);
}
