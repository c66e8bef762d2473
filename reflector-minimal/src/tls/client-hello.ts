/*
 * The first message of a TLS client (RFC 8446 section 4.1.2), before OpenSSL sees it. Bytes in, result out.
 */

export type ClientHello =
  /** More bytes are needed. */
  | 'incomplete'
  /** It is no TLS, not as the RFC says, or in more records than anybody needs; OpenSSL knows the right answer. */
  | 'other'
  /** What the client offers by ALPN (RFC 7301), in its order; empty without. */
  | { readonly protocols: readonly string[] };

const recordOfHandshake = 22;
const clientHello = 1;
const alpn = 16;
/** Clients send one, or one for each packet. Each piece that comes costs as much as all the records before it. */
const mostRecords = 64;

class Malformed extends Error {}

/** Reads the message at the beginning of `bytes`, whatever follows it. */
export function readClientHello(bytes: Uint8Array): ClientHello {
  try {
    const message = messageIn(bytes);
    return message === 'incomplete' ? message : { protocols: protocolsIn(message) };
  } catch (error) {
    if (error instanceof Malformed) return 'other';
    throw error;
  }
}

/** The body of the message, out of as many records as it takes. */
function messageIn(bytes: Uint8Array): Fields | 'incomplete' {
  const records: Uint8Array[] = [];
  let at = 0;
  while (bytes[at] === recordOfHandshake && at + 5 <= bytes.length) {
    const length = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0);
    if (length === 0 || records.length === mostRecords) throw new Malformed();
    records.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  const content = Buffer.concat(records);
  if (content.length > 0 && content[0] !== clientHello) throw new Malformed();
  const size = content.length < 4 ? Number.POSITIVE_INFINITY : content.readUIntBE(1, 3);
  if (content.length >= 4 + size) return new Fields(content.subarray(4, 4 + size));
  // No record of a handshake, and the message is not complete.
  if (at < bytes.length && bytes[at] !== recordOfHandshake) throw new Malformed();
  return 'incomplete';
}

function protocolsIn(hello: Fields): string[] {
  // Version and random.
  hello.skip(2 + 32);
  // Session ID, cipher suites, compression methods.
  hello.skip(hello.number(1));
  hello.skip(hello.number(2));
  hello.skip(hello.number(1));
  if (hello.isEmpty) return [];
  const extensions = hello.part(hello.number(2));
  while (!extensions.isEmpty) {
    const type = extensions.number(2);
    const content = extensions.part(extensions.number(2));
    if (type !== alpn) continue;
    const names = content.part(content.number(2));
    const protocols: string[] = [];
    while (!names.isEmpty) protocols.push(names.text(names.number(1)));
    return protocols;
  }
  return [];
}

/** Reads one field after the other. Throws {@link Malformed} where there are too few bytes. */
class Fields {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isEmpty(): boolean {
    return this.#at === this.#bytes.length;
  }

  skip(size: number): void {
    this.#take(size);
  }

  number(size: 1 | 2 | 3): number {
    const end = this.#at + size;
    if (end > this.#bytes.length) throw new Malformed();
    let value = 0;
    while (this.#at < end) value = (value << 8) | (this.#bytes[this.#at++] ?? 0);
    return value;
  }

  part(size: number): Fields {
    return new Fields(this.#take(size));
  }

  text(size: number): string {
    return String.fromCharCode(...this.#take(size));
  }

  #take(size: number): Uint8Array {
    if (this.#at + size > this.#bytes.length) throw new Malformed();
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }
}
