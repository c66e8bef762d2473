import type { LogInKey } from '../../../src/ssh/ed25519.ts';
import type { ServerKey } from '../../../src/ssh/host-key.ts';
import { limits } from '../../../src/ssh/limits.ts';
import type { PageMessage, ServerMessage } from '../../../src/ssh/messages.ts';
import type { TerminalSize } from '../../../src/ssh/requests.ts';
import { type Answer, type Shell, SshFailure, type TerminalSsh } from '../../../src/ssh/session.ts';
import { readStrings, writeStrings } from '../../../src/ssh/strings.ts';
import type { ChannelSocket } from '../connection/channel.ts';
import type { ConnectionEnd } from '../connection/end.ts';
import { LinkWatch } from '../connection/link-watch.ts';
import type { PageReturns } from '../connection/page-returns.ts';
import { endOfSocket } from '../connection/socket-end.ts';

const open = 1;

/** SSH that ends at the server: it gets what is typed, and says what the device says. The key of the browser stays here. */
export class SshAtServer implements TerminalSsh {
  /** Resolves when it is over, and never rejects. */
  readonly ended: Promise<ConnectionEnd>;
  readonly #socket: ChannelSocket;
  #serverKey: ServerKey | null = null;
  /** What the server says next that is awaited; `null`: nothing is. */
  #waiting: { resolve(message: ServerMessage): void; reject(error: Error): void } | null = null;
  #answer: Answer | null = null;
  #sign: ((data: Uint8Array) => Promise<Uint8Array | null>) | null = null;
  #show: ((bytes: Uint8Array) => Promise<void>) | null = null;
  #exited: (status: number | null) => void = () => {};
  /** Typed, and not sent: the server has as much as it takes. */
  #unsent: Uint8Array[] = [];
  #unsentBytes = 0;
  /** Sent, and not let go by the device. */
  #typedBytes = 0;
  readonly #returns: PageReturns | null;
  #watch: LinkWatch | null = null;
  readonly #lose: () => void;

  /**
   * A socket that is open, to `/ssh`; its ticket has been sent. `returns`: of a page whose server answers `alive`; `null`: it does not.
   */
  constructor(socket: ChannelSocket, returns: PageReturns | null = null) {
    this.#socket = socket;
    this.#returns = returns;
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => this.#receive(data));
    const { ended, lose } = endOfSocket(socket);
    this.ended = ended;
    this.#lose = lose;
    this.ended
      .then(() => {
        this.#watch?.stop();
        this.#fail(new SshFailure('ssh.failed'));
      })
      .catch(() => {});
  }

  /** Agrees on keys with the device; it is not trusted yet. `known`: type of the key by which it is known. Rejects with {@link SshFailure}. */
  async begin(known: string | null): Promise<void> {
    const said = await this.#ask({ type: 'begin', known });
    if (said.type !== 'hostKey') throw new SshFailure('ssh.failed');
    this.#serverKey = said.key;
    // From now on the server takes what the page says at once.
    if (!this.#returns || this.#socket.readyState !== open) return;
    this.#watch = new LinkWatch({
      ask: () => this.#send({ type: 'alive' }),
      lost: this.#lose,
      returns: this.#returns,
    });
  }

  get serverKey(): ServerKey {
    if (!this.#serverKey) throw new Error('the host key is not known yet');
    return this.#serverKey;
  }

  async logInByPassword(user: string, password: string, answer: Answer): Promise<boolean> {
    this.#answer = answer;
    try {
      return await this.#logIn({ type: 'password', user, password });
    } finally {
      this.#answer = null;
    }
  }

  /** The server gets the public key, and one signature: for this user, and for nothing but a log-in by this key. */
  async logInByKey(user: string, { publicKey, privateKey }: LogInKey): Promise<boolean> {
    const raw = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey));
    this.#sign = async (data) => {
      if (!isLogIn(data, user, raw)) return null;
      if (typeof privateKey === 'function') return privateKey(data);
      return new Uint8Array(await crypto.subtle.sign({ name: 'Ed25519' }, privateKey, data.slice()));
    };
    try {
      return await this.#logIn({ type: 'key', user, publicKey: base64(raw) });
    } finally {
      this.#sign = null;
    }
  }

  async shell(size: TerminalSize, take: (bytes: Uint8Array) => Promise<void>): Promise<Shell> {
    const ended = new Promise<number | null>((resolve) => {
      this.#exited = resolve;
      this.ended.then(() => resolve(null)).catch(() => {});
    });
    this.#show = take;
    const { columns, rows } = size;
    const said = await this.#ask({ type: 'shell', columns, rows });
    if (said.type !== 'shell') throw new SshFailure('ssh.noShell');
    return {
      write: (bytes) => Promise.resolve(this.#type(bytes)),
      resize: (changed) => this.#send({ type: 'resize', columns: changed.columns, rows: changed.rows }),
      close: () => this.close(),
      ended,
    };
  }

  subsystem(): Promise<never> {
    return Promise.reject(new SshFailure('ssh.noFilesAtServer'));
  }

  close(): void {
    this.#socket.close(1000);
  }

  async #logIn(message: PageMessage): Promise<boolean> {
    const said = await this.#ask(message);
    return said.type === 'loggedIn' && said.taken;
  }

  #ask(message: PageMessage): Promise<ServerMessage> {
    return new Promise((resolve, reject) => {
      if (this.#socket.readyState !== open) return reject(new SshFailure('ssh.failed'));
      this.#waiting = { resolve, reject };
      this.#send(message);
    });
  }

  #receive(data: unknown): void {
    this.#watch?.seen();
    if (data instanceof ArrayBuffer) {
      const bytes = new Uint8Array(data);
      const taken = () => this.#send({ type: 'taken', bytes: bytes.length });
      this.#show?.(bytes).then(taken, () => {});
      return;
    }
    const message = JSON.parse(String(data)) as ServerMessage;
    switch (message.type) {
      case 'questions':
        this.#reply(this.#answer?.(message.asked), (answers) => ({ type: 'answers', answers }));
        break;
      case 'sign':
        this.#reply(this.#sign?.(bytesOf(message.data)), (signed) => ({
          type: 'signature',
          signature: signed && base64(signed),
        }));
        break;
      case 'taken':
        this.#typedBytes -= message.bytes;
        this.#sendTyped();
        break;
      case 'alive':
        break;
      case 'exit':
        this.#exited(message.status);
        break;
      case 'failed':
        this.#fail(new SshFailure(message.key));
        break;
      default:
        this.#waiting?.resolve(message);
        this.#waiting = null;
    }
  }

  #reply<Value>(
    given: Promise<Value | null> | undefined,
    message: (value: Value | null) => PageMessage,
  ): void {
    Promise.resolve(given ?? null).then(
      (value) => this.#send(message(value)),
      () => this.close(),
    );
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = null;
  }

  /** False: too much waits, and it is over. */
  #type(bytes: Uint8Array): boolean {
    const cost = bytes.length + limits.unsentPieceBytes;
    // A device that asks the terminal much, and takes no answer, would fill memory.
    if (this.#unsentBytes + cost > limits.unsentBytes) {
      this.close();
      return false;
    }
    for (let at = 0; at < bytes.length; at += limits.messageBytes) {
      this.#unsent.push(bytes.slice(at, at + limits.messageBytes));
    }
    this.#unsentBytes += cost;
    this.#sendTyped();
    return true;
  }

  #sendTyped(): void {
    for (;;) {
      const [piece] = this.#unsent;
      if (!piece || this.#typedBytes + piece.length > limits.typedBytes) break;
      this.#unsent.shift();
      this.#typedBytes += piece.length;
      if (this.#socket.readyState === open) this.#socket.send(piece as Uint8Array<ArrayBuffer>);
    }
    if (this.#unsent.length === 0) this.#unsentBytes = 0;
  }

  #send(message: PageMessage): void {
    if (this.#socket.readyState === open) this.#socket.send(JSON.stringify(message));
  }
}

/**
 * Whether this is what is signed at a log-in of `user` by this key (RFC 4252 section 7): the session, one byte, user, service, method, one
 * byte, algorithm, key. `publicKey`: 32 bytes.
 */
export function isLogIn(data: Uint8Array, user: string, publicKey: Uint8Array): boolean {
  const text = (value: string) => new TextEncoder().encode(value);
  const key = writeStrings(text('ssh-ed25519'), publicKey);
  const expected = [
    Uint8Array.of(50),
    writeStrings(text(user), text('ssh-connection'), text('publickey')),
    Uint8Array.of(1),
    writeStrings(text('ssh-ed25519'), key),
  ];
  const end = expected.flatMap((part) => [...part]);
  const sessionBytes = data.length - end.length;
  if (sessionBytes < 4 || end.some((byte, at) => data[sessionBytes + at] !== byte)) return false;
  try {
    return readStrings(data.subarray(0, sessionBytes)).length === 1;
  } catch {
    return false;
  }
}

const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
const bytesOf = (text: string) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
