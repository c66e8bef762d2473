import type { PortConnection, RouteSocket } from 'rm-reflector/ports';
import { limits } from '../ssh/limits.ts';
import type { PageMessage, ServerMessage } from '../ssh/messages.ts';
import type { TerminalSize } from '../ssh/requests.ts';
import { type Shell, SshConnection, SshFailure } from '../ssh/session.ts';
import { ConnectionBytes } from './connection-bytes.ts';
import { readPageMessage } from './page-messages.ts';

/** The page does not keep to what was agreed. */
class PageFault extends Error {}

/** Close code for that (RFC 6455 section 7.4.1). */
const protocolError = 1002;

/** SSH of a page that ends here: the page says who logs in and what is typed, and is told what the device says. */
export class ServedSsh {
  readonly #socket: RouteSocket;
  readonly #bytes: ConnectionBytes;
  #ssh: SshConnection | null = null;
  #shell: Shell | null = null;
  /** A log-in or the opening of a shell is under way. */
  #isBusy = false;
  #answered: ((answers: readonly string[] | null) => void) | null = null;
  #signed: ((signature: string | null) => void) | null = null;
  /** One message after the other: the core ends a WebSocket for which much waits. */
  #sent: Promise<unknown> = Promise.resolve();
  /** Bytes of the shell, in all: sent to the page, and taken by it. */
  #said = 0;
  #taken = 0;
  /** Pieces that the page has not taken, each with what `#taken` is then. */
  readonly #untaken: { readonly end: number; done(): void }[] = [];
  /** Bytes typed that the device has not let go. */
  #typed = 0;
  /** An answer to `alive` has not gone yet: a page that reads none gets no more. */
  #isAnswering = false;
  #failed: (error: unknown) => void = () => {};
  #over = () => {};

  readonly #sized: (size: TerminalSize) => void;

  private constructor(socket: RouteSocket, bytes: ConnectionBytes, sized: (size: TerminalSize) => void) {
    this.#socket = socket;
    this.#bytes = bytes;
    this.#sized = sized;
  }

  /**
   * Speaks SSH with the device for the page, until one of them ends it. `messages`: of the page, behind its ticket. Never rejects for what the
   * page or the device does. `sized`: told the size of the terminal when the device has granted it, before its first bytes, and when it
   * changes. `parting`: called when all that is left is to take leave of the device, which may take none.
   */
  static async serve(
    socket: RouteSocket,
    messages: AsyncIterator<string | Buffer>,
    connection: PortConnection,
    sized: (size: TerminalSize) => void,
    parting: () => void,
  ): Promise<void> {
    const bytes = new ConnectionBytes(connection);
    const served = new ServedSsh(socket, bytes, sized);
    try {
      await served.#run(messages);
    } catch (error) {
      if (error instanceof SshFailure) await served.#send({ type: 'failed', key: error.key });
      else if (error instanceof PageFault) socket.close(protocolError, error.message);
      else throw error;
    } finally {
      parting();
      await served.#ssh?.leave();
      bytes.close();
    }
  }

  async #run(messages: AsyncIterator<string | Buffer>): Promise<void> {
    const first = await messages.next();
    if (first.done) return;
    const begin = typeof first.value === 'string' ? readPageMessage(first.value) : null;
    if (begin?.type !== 'begin') throw new PageFault('begin is expected');
    const over = new Promise<void>((resolve, reject) => {
      this.#over = resolve;
      this.#failed = reject;
    });
    over.catch(() => {});
    // The end of a WebSocket is seen by whoever reads it.
    const second = messages.next();
    const gone = second.then(({ done }) => (done ? null : new Promise<never>(() => {})));
    const ssh = await Promise.race([SshConnection.open(this.#bytes, begin.known), gone]);
    if (!ssh) return;
    this.#ssh = ssh;
    await this.#send({ type: 'hostKey', key: ssh.serverKey });
    await Promise.race([this.#listen(second, messages), over, this.#bytes.ended]);
    await this.#sent;
  }

  async #listen(
    first: Promise<IteratorResult<string | Buffer>>,
    messages: AsyncIterator<string | Buffer>,
  ): Promise<void> {
    for (let next = first; ; next = messages.next()) {
      const { value, done } = await next;
      if (done) return;
      if (typeof value !== 'string') this.#type(value);
      else {
        const message = readPageMessage(value);
        if (!message) throw new PageFault('this message is unknown');
        this.#take(message);
      }
    }
  }

  #take(message: PageMessage): void {
    switch (message.type) {
      case 'password':
        this.#logIn((ssh) =>
          ssh.logInByPassword(message.user, message.password, (asked) => {
            this.#say({ type: 'questions', asked });
            return new Promise((resolve) => {
              this.#answered = resolve;
            });
          }),
        );
        break;
      case 'key':
        this.#logIn(async (ssh) => {
          const raw = Buffer.from(message.publicKey, 'base64');
          const publicKey = await crypto.subtle
            .importKey('raw', raw, { name: 'Ed25519' }, true, ['verify'])
            .catch(() => null);
          if (!publicKey) throw new PageFault('this is no key of Ed25519');
          return ssh.logInByKey(message.user, { publicKey, privateKey: (data) => this.#sign(data) });
        });
        break;
      case 'answers':
        this.#answered?.(message.answers);
        this.#answered = null;
        break;
      case 'signature':
        this.#signed?.(message.signature);
        this.#signed = null;
        break;
      case 'shell':
        this.#work(async (ssh) => {
          if (this.#shell) throw new PageFault('there is a shell already');
          const { columns, rows } = message;
          let isThere = false;
          // Not before the device grants it, or shows something: what was refused is no terminal.
          const begin = () => {
            if (!isThere) this.#sized({ columns, rows });
            isThere = true;
          };
          const shell = await ssh.shell({ columns, rows }, (piece) => {
            begin();
            return this.#show(piece);
          });
          begin();
          this.#shell = shell;
          await this.#send({ type: 'shell' });
          this.#follow(shell).catch((error) => this.#failed(error));
        });
        break;
      case 'resize':
        if (!this.#shell) break;
        this.#shell.resize({ columns: message.columns, rows: message.rows });
        this.#sized({ columns: message.columns, rows: message.rows });
        break;
      case 'taken':
        this.#taken += message.bytes;
        if (this.#taken > this.#said) throw new PageFault('more was taken than was sent');
        for (; this.#untaken[0] && this.#untaken[0].end <= this.#taken; ) this.#untaken.shift()?.done();
        break;
      case 'alive':
        this.#answerAlive();
        break;
      default:
        throw new PageFault('it has begun already');
    }
  }

  #logIn(attempt: (ssh: SshConnection) => Promise<boolean>): void {
    this.#work(async (ssh) => this.#send({ type: 'loggedIn', taken: await attempt(ssh) }));
  }

  /** One thing at a time. */
  #work(work: (ssh: SshConnection) => Promise<unknown>): void {
    const ssh = this.#ssh;
    if (!ssh || this.#isBusy) throw new PageFault('one thing at a time');
    this.#isBusy = true;
    work(ssh).then(
      () => {
        this.#isBusy = false;
      },
      (error) => {
        // What the library says when the connection ends meanwhile tells nobody anything.
        const known = error instanceof SshFailure || error instanceof PageFault;
        this.#failed(known ? error : new SshFailure('ssh.failed'));
      },
    );
  }

  async #sign(data: Uint8Array): Promise<Uint8Array> {
    this.#say({ type: 'sign', data: Buffer.from(data).toString('base64') });
    const signature = await new Promise<string | null>((resolve) => {
      this.#signed = resolve;
    });
    if (signature === null) throw new PageFault('the page does not sign');
    return Buffer.from(signature, 'base64');
  }

  /** Resolves when the page has taken it: then the device may say more. */
  #show(piece: Uint8Array): Promise<void> {
    this.#said += piece.length;
    const end = this.#said;
    this.#queue(piece);
    return new Promise((done) => {
      this.#untaken.push({ end, done });
    });
  }

  #type(piece: Buffer): void {
    const shell = this.#shell;
    if (!shell) throw new PageFault('there is no shell');
    this.#typed += piece.length;
    if (this.#typed > limits.typedBytes) throw new PageFault('more is typed than the device takes');
    shell.write(piece).then(
      (gone) => {
        if (!gone) return;
        this.#typed -= piece.length;
        this.#say({ type: 'taken', bytes: piece.length });
      },
      () => {},
    );
  }

  /** Tells how the shell ends. Where the connection has ended, the end of the WebSocket tells more. */
  async #follow(shell: Shell): Promise<void> {
    const status = await shell.ended;
    if (status === null && this.#bytes.isOver) return;
    await this.#send({ type: 'exit', status });
    this.#over();
  }

  #answerAlive(): void {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    this.#send({ type: 'alive' }).then(
      () => {
        this.#isAnswering = false;
      },
      () => {},
    );
  }

  #say(message: ServerMessage): void {
    this.#queue(JSON.stringify(message));
  }

  #send(message: ServerMessage): Promise<unknown> {
    this.#say(message);
    return this.#sent;
  }

  #queue(message: string | Uint8Array): void {
    this.#sent = this.#sent.then(() => this.#socket.send(message)).catch(() => {});
  }
}
