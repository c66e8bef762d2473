import { utf8Decode, utf8Encode } from 'rm-protocol';

/** A name as its labels: one of a service instance may contain dots (RFC 6763 section 4.3). */
export type DnsName = readonly string[];

/** What a responder says, of the types that lead to a service; others are left out. */
export type DnsRecord =
  | { readonly type: 'PTR'; readonly name: DnsName; readonly target: DnsName }
  | { readonly type: 'SRV'; readonly name: DnsName; readonly port: number };

/** Bounds of a response; `dns-message.test.ts` tries to break them. */
export const dnsLimits = {
  /** Of a message, in bytes: more than fits into one packet of a network. */
  messageBytes: 4_096,
  /** Of a name, in bytes (RFC 1035 section 2.3.4). */
  nameBytes: 255,
  /** Records of a message that are read. */
  records: 64,
  /** Labels and pointers of a message that are followed: pointers cost two bytes each, and any number of names may lead through them. */
  steps: 2_048,
};

/** By RFC 1035 section 3.2.2, and RFC 2782. */
const types = { PTR: 12, SRV: 33 };
const INTERNET = 1;

/** One question (RFC 1035 section 4.1), to be answered to the port that asks (RFC 6762 section 6.7). */
export function encodeQuery(id: number, type: DnsRecord['type'], name: DnsName): Uint8Array {
  const bytes = [id >> 8, id & 255, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  for (const label of name) {
    const text = utf8Encode(label);
    bytes.push(text.length, ...text);
  }
  return Uint8Array.from([...bytes, 0, 0, types[type], 0, INTERNET]);
}

/** The records of the response to the query with this ID; `null`: it is none, or is broken. */
export function decodeResponse(message: Uint8Array, id: number): readonly DnsRecord[] | null {
  if (message.length > dnsLimits.messageBytes) return null;
  const reader = new Reader(message);
  const [given, flags] = [reader.word(), reader.word()];
  // A response without an error. That it may be cut off is no matter: what is there counts.
  if (given !== id || (flags & 0x800f) !== 0x8000) return null;
  const questions = reader.word();
  const count = reader.word() + reader.word() + reader.word();
  if (questions > dnsLimits.records) return null;
  const records: DnsRecord[] = [];
  for (let n = 0; n < questions && !reader.broken; n++) {
    reader.name();
    reader.skip(4);
  }
  for (let n = 0; n < Math.min(count, dnsLimits.records) && !reader.broken; n++) {
    const record = reader.record();
    if (record) records.push(record);
  }
  return reader.broken ? null : records;
}

/** Reads in order; from the first fault on it is broken, and what it gives counts for nothing. */
class Reader {
  broken = false;
  #steps = 0;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  word(): number {
    const at = this.#at;
    this.skip(2);
    return this.broken ? 0 : (this.#bytes[at] ?? 0) * 256 + (this.#bytes[at + 1] ?? 0);
  }

  skip(count: number): void {
    this.#at += count;
    if (this.#at > this.#bytes.length) this.broken = true;
  }

  /** Pointers lead to before where the name began, and each to before the last one, so that there is no loop. */
  name(): DnsName {
    const labels: string[] = [];
    let at = this.#at;
    let bound = at;
    let length = 0;
    let jumped = false;
    while (!this.broken) {
      const head = this.#bytes[at];
      if (head === undefined || ++this.#steps > dnsLimits.steps) break;
      if (head >= 0xc0) {
        const target = (head & 0x3f) * 256 + (this.#bytes[at + 1] ?? 0);
        if (!jumped) this.skip(at + 2 - this.#at);
        jumped = true;
        if (target >= bound) break;
        bound = target;
        at = target;
        continue;
      }
      length += head + 1;
      if (head > 63 || length > dnsLimits.nameBytes || at + head >= this.#bytes.length) break;
      if (head === 0) {
        if (!jumped) this.#at = at + 1;
        return labels;
      }
      labels.push(utf8Decode(this.#bytes, at + 1, at + 1 + head));
      at += head + 1;
    }
    this.broken = true;
    return [];
  }

  /** `null`: one of another type. */
  record(): DnsRecord | null {
    const name = this.name();
    const type = this.word();
    const inInternet = (this.word() & 0x7fff) === INTERNET;
    this.skip(4);
    const length = this.word();
    const end = this.#at + length;
    if (end > this.#bytes.length) this.broken = true;
    if (this.broken) return null;
    const record = inInternet ? this.#data(name, type) : null;
    // A name in the data ends with it.
    if (this.#at > end) this.broken = true;
    this.#at = end;
    return record;
  }

  #data(name: DnsName, type: number): DnsRecord | null {
    if (type === types.PTR) return { type: 'PTR', name, target: this.name() };
    if (type !== types.SRV) return null;
    this.skip(4);
    return { type: 'SRV', name, port: this.word() };
  }
}
