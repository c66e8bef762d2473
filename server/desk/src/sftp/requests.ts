import { type Attributes, has } from './attributes.ts';
import { encodeName } from './names.ts';

/** Version of the protocol: that of OpenSSH, and of nearly every device. */
export const version = 3;

/** Types of requests: draft-ietf-secsh-filexfer-02 section 3. */
const type = {
  init: 1,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  realpath: 16,
  stat: 17,
  rename: 18,
  extended: 200,
} as const;

/** Bits of `SSH_FXP_OPEN`: section 6.3. */
export const openFor = { read: 0x01, write: 0x02, create: 0x08, exclusive: 0x20 } as const;

/** What is asked; a device gets it with an ID, which is in its answer. */
export type Request =
  | { readonly ask: 'open'; readonly path: string; readonly flags: number; readonly attributes: Attributes }
  | { readonly ask: 'close' | 'fstat' | 'readdir' | 'fsync'; readonly handle: Uint8Array }
  | { readonly ask: 'read'; readonly handle: Uint8Array; readonly offset: number; readonly length: number }
  | { readonly ask: 'write'; readonly handle: Uint8Array; readonly offset: number; readonly data: Uint8Array }
  | { readonly ask: 'fsetstat'; readonly handle: Uint8Array; readonly attributes: Attributes }
  | { readonly ask: 'lstat' | 'stat' | 'opendir' | 'remove' | 'realpath'; readonly path: string }
  | { readonly ask: 'rename' | 'posixRename'; readonly from: string; readonly to: string };

/** Numbers and strings one after the other, and then the packet with its length. */
class Writer {
  readonly #parts: Uint8Array[] = [];

  byte(value: number): this {
    this.#parts.push(Uint8Array.of(value));
    return this;
  }

  uint32(value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value);
    this.#parts.push(bytes);
    return this;
  }

  uint64(value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
    this.#parts.push(bytes);
    return this;
  }

  string(bytes: Uint8Array): this {
    this.uint32(bytes.length);
    this.#parts.push(bytes);
    return this;
  }

  text(text: string): this {
    return this.string(encodeName(text));
  }

  /** Of those that are asked for: owner and mode. */
  attributes({ owner, mode }: Attributes): this {
    this.uint32((owner ? has.owner : 0) | (mode === undefined ? 0 : has.mode));
    if (owner) this.uint32(owner.user).uint32(owner.group);
    return mode === undefined ? this : this.uint32(mode);
  }

  packet(): Uint8Array {
    const length = this.#parts.reduce((sum, part) => sum + part.length, 0);
    const packet = new Uint8Array(4 + length);
    new DataView(packet.buffer).setUint32(0, length);
    let at = 4;
    for (const part of this.#parts) {
      packet.set(part, at);
      at += part.length;
    }
    return packet;
  }
}

export const writeInit = (): Uint8Array => new Writer().byte(type.init).uint32(version).packet();

export function writeRequest(id: number, request: Request): Uint8Array {
  const begin = (name: Exclude<keyof typeof type, 'init'>) => new Writer().byte(type[name]).uint32(id);
  switch (request.ask) {
    case 'open':
      return begin('open').text(request.path).uint32(request.flags).attributes(request.attributes).packet();
    case 'close':
    case 'fstat':
    case 'readdir':
      return begin(request.ask).string(request.handle).packet();
    case 'fsync':
      return begin('extended').text('fsync@openssh.com').string(request.handle).packet();
    case 'read':
      return begin('read').string(request.handle).uint64(request.offset).uint32(request.length).packet();
    case 'write':
      return begin('write').string(request.handle).uint64(request.offset).string(request.data).packet();
    case 'fsetstat':
      return begin('fsetstat').string(request.handle).attributes(request.attributes).packet();
    case 'rename':
      return begin('rename').text(request.from).text(request.to).packet();
    case 'posixRename':
      return begin('extended').text('posix-rename@openssh.com').text(request.from).text(request.to).packet();
    default:
      return begin(request.ask).text(request.path).packet();
  }
}
