import { limits } from '../limits.ts';
import type { Attributes, Owner } from './attributes.ts';
import { failureOf, malformed, SftpFailure, status } from './failure.ts';
import { encodeName, isFileName } from './names.ts';
import { PacketReader } from './packets.ts';
import { type Hello, type Named, type Reply, readReply } from './replies.ts';
import { openFor, type Request, version, writeInit, writeRequest } from './requests.ts';

/** The bytes of a server of SFTP, in both directions. */
export interface Pipe {
  /** Rejects when there is no server any more. */
  send(bytes: Uint8Array): Promise<void>;
  close(): void;
  /** Resolves when it is over. */
  readonly ended: Promise<unknown>;
}

/** Opens one; `take` gets what the server says. */
export type OpenPipe = (take: (bytes: Uint8Array) => void) => Promise<Pipe>;

/** An open file, as the device calls it. */
export type Handle = Uint8Array;

/** What is in a folder. `isWhole`: nothing was left out because it was too much; `refused`: names that are none. */
export interface Listing {
  readonly names: readonly Named[];
  readonly isWhole: boolean;
  readonly refused: number;
}

interface Waiting {
  resolve(reply: Reply): void;
  reject(failure: SftpFailure): void;
}

/** A client of SFTP version 3 (draft-ietf-secsh-filexfer-02). Each call rejects with `SftpFailure`. */
export class SftpSession {
  /** Resolves with why it is over. */
  readonly ended: Promise<SftpFailure>;
  readonly #reader = new PacketReader();
  readonly #waiting = new Map<number, Waiting>();
  readonly #hello: Promise<Hello>;
  #greet: (hello: Hello) => void = () => {};
  #end: (failure: SftpFailure) => void = () => {};
  #pipe: Pipe | null = null;
  #server: Hello | null = null;
  #failure: SftpFailure | null = null;
  #nextId = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;

  private constructor() {
    this.#hello = new Promise((resolve) => {
      this.#greet = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Agrees on the version. Rejects with `SftpFailure`, and with whatever `open` rejects. */
  static async open(open: OpenPipe): Promise<SftpSession> {
    const session = new SftpSession();
    const pipe = await open((bytes) => session.#take(bytes));
    session.#begin(pipe);
    const over = session.ended.then((failure) => Promise.reject(failure));
    await Promise.race([session.#hello, over]);
    return session;
  }

  close(): void {
    this.#fail(new SftpFailure('sftp.closed'));
  }

  async realPath(path: string): Promise<string> {
    const { names } = await this.#ask({ ask: 'realpath', path }, 'names');
    const [first] = names;
    if (names.length !== 1 || !first?.name.startsWith('/')) throw this.#fail(malformed());
    if (encodeName(first.name).length > limits.sftpPathBytes) throw this.#fail(malformed());
    return first.name;
  }

  async stat(path: string): Promise<Attributes> {
    return (await this.#ask({ ask: 'stat', path }, 'attributes')).attributes;
  }

  /** Of a link itself. */
  async lstat(path: string): Promise<Attributes> {
    return (await this.#ask({ ask: 'lstat', path }, 'attributes')).attributes;
  }

  async handleStat(handle: Handle): Promise<Attributes> {
    return (await this.#ask({ ask: 'fstat', handle }, 'attributes')).attributes;
  }

  /** `stop`: it is not waited for any more; what has come is dropped. */
  async list(path: string, stop: AbortSignal): Promise<Listing> {
    const { handle } = await this.#ask({ ask: 'opendir', path }, 'handle');
    const names: Named[] = [];
    let seen = 0;
    let refused = 0;
    try {
      while (seen < limits.sftpNames) {
        stop.throwIfAborted();
        const reply = await this.#askOrEnd({ ask: 'readdir', handle }, 'names');
        if (!reply) return { names, isWhole: true, refused };
        // It would go on for ever.
        if (reply.names.length === 0) throw this.#fail(malformed());
        for (const named of reply.names) {
          if (++seen > limits.sftpNames) break;
          if (named.name === '.' || named.name === '..') continue;
          if (isFileName(named.name) && encodeName(named.name).length <= limits.sftpNameBytes)
            names.push(named);
          else refused++;
        }
      }
      return { names, isWhole: false, refused };
    } finally {
      this.closeHandle(handle).catch(() => {});
    }
  }

  async openToRead(path: string): Promise<Handle> {
    return (await this.#ask({ ask: 'open', path, flags: openFor.read, attributes: {} }, 'handle')).handle;
  }

  /** A new file; one that is there is a failure. `mode`: its permissions; those that are usual where there is none. */
  async create(path: string, mode: number | undefined): Promise<Handle> {
    const flags = openFor.write | openFor.create | openFor.exclusive;
    const attributes = mode === undefined ? {} : { mode };
    return (await this.#ask({ ask: 'open', path, flags, attributes }, 'handle')).handle;
  }

  closeHandle(handle: Handle): Promise<void> {
    return this.#do({ ask: 'close', handle });
  }

  /** At most `length` bytes; `null`: the file ends before. */
  async read(handle: Handle, offset: number, length: number): Promise<Uint8Array | null> {
    const reply = await this.#askOrEnd({ ask: 'read', handle, offset, length }, 'data');
    if (!reply) return null;
    // Without a byte it would go on for ever.
    if (reply.data.length === 0 || reply.data.length > length) throw this.#fail(malformed());
    return reply.data;
  }

  write(handle: Handle, offset: number, data: Uint8Array): Promise<void> {
    return this.#do({ ask: 'write', handle, offset, data });
  }

  setMode(handle: Handle, mode: number): Promise<void> {
    return this.#do({ ask: 'fsetstat', handle, attributes: { mode } });
  }

  setOwner(handle: Handle, owner: Owner): Promise<void> {
    return this.#do({ ask: 'fsetstat', handle, attributes: { owner } });
  }

  /** Until it is on the disk of the device, where the device offers to say so. */
  async sync(handle: Handle): Promise<void> {
    if (this.#server?.extensions.get('fsync@openssh.com') === '1') await this.#do({ ask: 'fsync', handle });
  }

  remove(path: string): Promise<void> {
    return this.#do({ ask: 'remove', path });
  }

  /** Fails where something has the new name, with most servers: draft-ietf-secsh-filexfer-02 section 6.5. */
  rename(from: string, to: string): Promise<void> {
    return this.#do({ ask: 'rename', from, to });
  }

  /** What has the new name is replaced, at once. */
  get canReplace(): boolean {
    return this.#server?.extensions.get('posix-rename@openssh.com') === '1';
  }

  replace(from: string, to: string): Promise<void> {
    return this.#do({ ask: 'posixRename', from, to });
  }

  #begin(pipe: Pipe): void {
    this.#pipe = pipe;
    if (this.#failure) {
      pipe.close();
      return;
    }
    const over = () => {
      this.#fail(new SftpFailure(this.#server ? 'sftp.ended' : 'sftp.none'));
    };
    pipe.ended.then(over, over);
    pipe.send(writeInit()).catch(over);
    this.#watch();
  }

  /** From now on, it has `limits.sftpSilentMs` for its next answer, if one is awaited. */
  #watch(): void {
    clearTimeout(this.#silence);
    this.#silence = undefined;
    if (this.#failure || (this.#server && this.#waiting.size === 0)) return;
    const minutes = Math.round(limits.sftpSilentMs / 60_000);
    this.#silence = setTimeout(
      () => this.#fail(new SftpFailure('sftp.silent', { minutes })),
      limits.sftpSilentMs,
    );
  }

  async #do(request: Request): Promise<void> {
    await this.#ask(request, 'status');
  }

  async #ask<Is extends Reply['is']>(request: Request, is: Is): Promise<Extract<Reply, { readonly is: Is }>> {
    const reply = await this.#request(request);
    if (reply.is === 'status' && (reply.code !== status.ok || is !== 'status')) {
      // Whoever has opened or read something cannot go on with the word that it went well.
      if (reply.code === status.ok) throw this.#fail(malformed());
      throw failureOf(reply.code, reply.reason);
    }
    if (reply.is !== is) throw this.#fail(malformed());
    return reply as Extract<Reply, { readonly is: Is }>;
  }

  /** `null`: the end of file or folder. */
  async #askOrEnd<Is extends Reply['is']>(
    request: Request,
    is: Is,
  ): Promise<Extract<Reply, { readonly is: Is }> | null> {
    try {
      return await this.#ask(request, is);
    } catch (error) {
      if (error instanceof SftpFailure && error.status === status.endOfFile) return null;
      throw error;
    }
  }

  #request(request: Request): Promise<Reply> {
    const pipe = this.#pipe;
    if (this.#failure || !pipe) return Promise.reject(this.#failure ?? malformed());
    const id = this.#nextId;
    this.#nextId = (id + 1) % 2 ** 32;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      if (this.#silence === undefined) this.#watch();
      pipe.send(writeRequest(id, request)).catch(() => {
        this.#fail(new SftpFailure('sftp.ended'));
      });
    });
  }

  #take(bytes: Uint8Array): void {
    if (this.#failure) return;
    try {
      for (const packet of this.#reader.receive(bytes)) this.#answer(readReply(packet));
    } catch (error) {
      this.#fail(error instanceof SftpFailure ? error : malformed());
    }
    this.#watch();
  }

  #answer(reply: Reply | Hello): void {
    if (reply.is === 'version') {
      if (this.#server || !this.#pipe) throw malformed();
      if (reply.version !== version) throw new SftpFailure('sftp.version');
      this.#server = reply;
      this.#greet(reply);
      return;
    }
    const waiting = this.#waiting.get(reply.id);
    if (!waiting || !this.#server) throw malformed();
    this.#waiting.delete(reply.id);
    waiting.resolve(reply);
  }

  /** Ends it, once; returns why. */
  #fail(failure: SftpFailure): SftpFailure {
    if (this.#failure) return this.#failure;
    this.#failure = failure;
    clearTimeout(this.#silence);
    this.#pipe?.close();
    for (const { reject } of this.#waiting.values()) reject(failure);
    this.#waiting.clear();
    this.#end(failure);
    return failure;
  }
}
