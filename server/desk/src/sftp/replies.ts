import { limits } from '../limits.ts';
import { type Attributes, has } from './attributes.ts';
import { malformed } from './failure.ts';
import { decodeName } from './names.ts';

/** A name of a folder, with what is said of its file. */
export interface Named {
  readonly name: string;
  readonly attributes: Attributes;
}

/** What a device answers: draft-ietf-secsh-filexfer-02 section 7. */
export type Reply =
  | { readonly is: 'status'; readonly id: number; readonly code: number; readonly reason: string }
  | { readonly is: 'handle'; readonly id: number; readonly handle: Uint8Array }
  | { readonly is: 'data'; readonly id: number; readonly data: Uint8Array }
  | { readonly is: 'names'; readonly id: number; readonly names: readonly Named[] }
  | { readonly is: 'attributes'; readonly id: number; readonly attributes: Attributes };

/** What it says first: its version, and what it offers beside. */
export interface Hello {
  readonly is: 'version';
  readonly version: number;
  /** Names and values. */
  readonly extensions: ReadonlyMap<string, string>;
}

/** Reads one packet; each read throws where the packet has no such bytes. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isOver(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  uint64(): number {
    return Number(this.#view.getBigUint64(this.#take(8)));
  }

  string(): Uint8Array {
    const length = this.uint32();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** No more of it than `most` bytes and one. */
  text(most: number): string {
    return decodeName(this.string().subarray(0, most + 1));
  }

  attributes(): Attributes {
    const flags = this.uint32();
    const size = flags & has.size ? this.uint64() : undefined;
    const owner = flags & has.owner ? { user: this.uint32(), group: this.uint32() } : undefined;
    const mode = flags & has.mode ? this.uint32() : undefined;
    let modified: number | undefined;
    if (flags & has.times) {
      this.uint32();
      modified = this.uint32();
    }
    if (flags & has.extended) {
      for (let left = this.uint32(); left > 0; left--) {
        this.string();
        this.string();
      }
    }
    return {
      ...(size === undefined ? {} : { size }),
      ...(owner === undefined ? {} : { owner }),
      ...(mode === undefined ? {} : { mode }),
      ...(modified === undefined ? {} : { modified }),
    };
  }

  #take(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at) throw malformed();
    this.#at += count;
    return at;
  }
}

/** One packet without its length. Throws `SftpFailure`. */
export function readReply(packet: Uint8Array): Reply | Hello {
  const reader = new Reader(packet);
  const type = reader.byte();
  if (type === 2) return readHello(reader);
  const id = reader.uint32();
  switch (type) {
    case 101: {
      const code = reader.uint32();
      // Old servers leave the words out.
      const reason = reader.isOver ? '' : reader.text(4 * limits.sftpReasonCharacters);
      return { is: 'status', id, code, reason };
    }
    case 102: {
      const handle = reader.string();
      if (handle.length > limits.sftpHandleBytes) throw malformed();
      return { is: 'handle', id, handle };
    }
    case 103:
      return { is: 'data', id, data: reader.string() };
    case 104:
      return { is: 'names', id, names: readNames(reader) };
    case 105:
      return { is: 'attributes', id, attributes: reader.attributes() };
    default:
      throw malformed();
  }
}

function readHello(reader: Reader): Hello {
  const version = reader.uint32();
  const extensions = new Map<string, string>();
  while (!reader.isOver) extensions.set(reader.text(limits.sftpNameBytes), reader.text(limits.sftpNameBytes));
  return { is: 'version', version, extensions };
}

/** Each takes bytes of the packet, so there are no more than the packet has. */
function readNames(reader: Reader): Named[] {
  const names: Named[] = [];
  for (let left = reader.uint32(); left > 0; left--) {
    const name = reader.text(limits.sftpPathBytes);
    // A line for people, as of `ls -l`.
    reader.string();
    names.push({ name, attributes: reader.attributes() });
  }
  return names;
}
