import { SshAuthenticationType } from '@microsoft/dev-tunnels-ssh/events/sshAuthenticatingEventArgs.js';
import { AuthenticationInfoResponseMessage } from '@microsoft/dev-tunnels-ssh/messages/authenticationMessages.js';
import {
  ChannelOpenMessage,
  ChannelRequestMessage,
  SshChannelOpenFailureReason,
} from '@microsoft/dev-tunnels-ssh/messages/connectionMessages.js';
import { SshDisconnectReason } from '@microsoft/dev-tunnels-ssh/messages/transportMessages.js';
import type { SshChannel } from '@microsoft/dev-tunnels-ssh/sshChannel.js';
import { Buffer } from 'buffer';
import { configuration, isComplete } from './algorithms.ts';
import type { ByteChannel } from './byte-channel.ts';
import { ClientSession } from './client-session.ts';
import { Ed25519Key, type LogInKey } from './ed25519.ts';
import { type ServerKey, serverKeyOf } from './host-key.ts';
import { limits } from './limits.ts';
import { ResizeRequest, SubsystemRequest, TerminalRequest, type TerminalSize } from './requests.ts';
import { ChannelStream } from './stream.ts';
import { Subsystem } from './subsystem.ts';

/** Why there is no session, as a key of the texts. */
export class SshFailure extends Error {
  readonly key: `ssh.${string}`;

  constructor(key: `ssh.${string}`, detail = '') {
    super(detail);
    this.key = key;
  }
}

/** What a server asks somebody who logs in (RFC 4256): its words, and whether the answer is shown while it is typed. */
export interface Questions {
  readonly title: string;
  readonly instruction: string;
  readonly questions: readonly { readonly text: string; readonly isShown: boolean }[];
}

/** Gives one answer to each question; `null`: none, the log-in has failed then. */
export type Answer = (asked: Questions) => Promise<readonly string[] | null>;

/** A shell on the device. */
export interface Shell {
  /** Resolves when they have gone, and with false where they never will. */
  write(bytes: Uint8Array): Promise<boolean>;
  resize(size: TerminalSize): void;
  close(): void;
  /** Resolves when it has ended, with its exit status where the server says one. */
  readonly ended: Promise<number | null>;
}

/** What a terminal needs of SSH, wherever that ends. */
export interface TerminalSsh {
  readonly serverKey: ServerKey;
  logInByPassword(username: string, password: string, answer: Answer): Promise<boolean>;
  logInByKey(username: string, key: LogInKey): Promise<boolean>;
  shell(size: TerminalSize, take: (bytes: Uint8Array) => Promise<void>): Promise<Shell>;
  subsystem(
    name: string,
    take: (bytes: Uint8Array) => void,
  ): Promise<Pick<Subsystem, 'ended' | 'send' | 'close'>>;
  close(): void;
}

/** SSH over a channel: its keys are where this runs, and whoever is between sees ciphertext only. */
export class SshConnection implements TerminalSsh {
  readonly serverKey: ServerKey;
  readonly #session: ClientSession;
  /** Of a log-in that runs; `null`: its questions are not answered. */
  #answer: Answer | null = null;
  /** Until it is known that the server asks no questions. */
  #mayAsk = true;

  private constructor(session: ClientSession, serverKey: ServerKey) {
    this.#session = session;
    this.serverKey = serverKey;
    session.onAuthenticating((event) => {
      const { infoRequest } = event;
      if (event.authenticationType !== SshAuthenticationType.clientInteractive || !infoRequest) return;
      const { name = '', instruction = '', prompts = [] } = infoRequest;
      if (prompts.length > limits.questions) return this.close();
      const questions = prompts.map(({ prompt, echo }) => ({ text: prompt, isShown: echo }));
      // Nothing is asked where there is something to read only, or nothing at all.
      const answers = questions.length === 0 ? [] : this.#answer?.({ title: name, instruction, questions });
      event.authenticationPromise = Promise.resolve(answers ?? null).then((given) => {
        const response = new AuthenticationInfoResponseMessage();
        // A server waits for as many answers as it has asked questions.
        response.responses = questions.map((_, at) => given?.[at] ?? '');
        event.infoResponse = response;
        return null;
      });
    });
  }

  /**
   * Agrees on keys; the server is not trusted yet. `knownType`: of the key by which it is known. Rejects with {@link SshFailure}.
   */
  static async open(channel: ByteChannel, knownType: string | null): Promise<SshConnection> {
    const session = new ClientSession(await configuration(knownType));
    // A device has nothing to open here, and would fill memory with channels.
    session.onChannelOpening((event) => {
      if (event.isRemoteRequest) event.failureReason = SshChannelOpenFailureReason.administrativelyProhibited;
    });
    let shown: Promise<ServerKey> | null = null;
    session.onAuthenticating((event) => {
      if (event.authenticationType !== SshAuthenticationType.serverPublicKey || !event.publicKey) return;
      shown = event.publicKey.getPublicKeyBytes().then((bytes) => {
        if (!bytes) throw new SshFailure('ssh.failed');
        return serverKeyOf(bytes);
      });
      event.authenticationPromise = shown.then((key) => key);
    });
    try {
      await session.connect(new ChannelStream(channel));
      await session.authenticateServer();
    } catch (error) {
      session.dispose();
      const text = error instanceof Error ? error.message : '';
      if (/negotiation/.test(text)) throw new SshFailure('ssh.algorithms', text);
      // Dropbear ends the connection then, often before it has said what it has.
      if (/closed while encrypting/.test(text) && !(await isComplete()))
        throw new SshFailure('ssh.algorithms', text);
      if (/verif/i.test(text)) throw new SshFailure('ssh.signature', text);
      throw new SshFailure('ssh.failed', text);
    }
    if (!shown) throw new SshFailure('ssh.failed');
    return new SshConnection(session, await shown);
  }

  /**
   * `answer`: for servers that ask questions (`keyboard-interactive`), of which the password is usually the first; the others take it as
   * it is. False: the server does not take it, and may take another one. Rejects when the connection is over.
   */
  async logInByPassword(username: string, password: string, answer: Answer): Promise<boolean> {
    let asked = false;
    this.#answer = (questions) => {
      const [only] = questions.questions;
      const isPassword = !asked && questions.questions.length === 1 && only?.isShown === false;
      asked = true;
      return isPassword ? Promise.resolve([password]) : answer(questions);
    };
    try {
      // Without anything else, the library lets the server ask.
      if (this.#mayAsk && (await this.#session.authenticateClient({ username }))) return true;
      if (asked) return false;
      this.#mayAsk = false;
      return await this.#session.authenticateClient({
        username,
        passwordProvider: () => Promise.resolve([username, password]),
      });
    } finally {
      this.#answer = null;
    }
  }

  logInByKey(username: string, key: LogInKey): Promise<boolean> {
    return this.#session.authenticateClient({ username, publicKeys: [Ed25519Key.of(key)] });
  }

  /**
   * A shell. `take` gets what it says, piece by piece: the server sends at most a window more than what has been taken, so a shell that
   * says much does not fill memory.
   */
  async shell(size: TerminalSize, take: (bytes: Uint8Array) => Promise<void>): Promise<Shell> {
    const channel = await this.#open();
    let waiting = 0;
    const deliver = (data: Buffer) => {
      // The view is of a buffer that the library uses again.
      const bytes = new Uint8Array(data);
      waiting += bytes.length;
      // A server that does not keep to its window would fill memory.
      if (waiting > limits.windowBytes) return this.close();
      take(bytes).then(
        () => {
          waiting -= bytes.length;
          channel.adjustWindow(bytes.length);
        },
        () => {},
      );
    };
    channel.onDataReceived(deliver);
    channel.onExtendedDataReceived(({ data }) => deliver(data));
    const ended = new Promise<number | null>((resolve) => {
      channel.onClosed(({ exitStatus }) => resolve(exitStatus ?? null));
      this.#session.onClosed(() => resolve(null));
    });
    if (!(await channel.request(new TerminalRequest(size)))) throw new SshFailure('ssh.noTerminal');
    if (!(await channel.request(new ChannelRequestMessage('shell', true))))
      throw new SshFailure('ssh.noShell');
    const ignore = () => {};
    let unsent = 0;
    return {
      write: async (bytes) => {
        const cost = bytes.length + limits.unsentPieceBytes;
        // A device that asks the terminal much, and takes no answer, would fill memory.
        if (unsent + cost > limits.unsentBytes) {
          this.close();
          return false;
        }
        unsent += cost;
        try {
          await channel.send(Buffer.from(bytes));
          unsent -= cost;
          return true;
        } catch {
          return false;
        }
      },
      resize: (changed) => {
        channel.request(new ResizeRequest(changed)).catch(ignore);
      },
      close: () => {
        channel.close().catch(ignore);
      },
      ended,
    };
  }

  /**
   * A subsystem, such as `sftp`. `take` gets what it says, at once. Rejects with {@link SshFailure} where the server has none, or lets
   * nobody have it.
   */
  async subsystem(name: string, take: (bytes: Uint8Array) => void): Promise<Subsystem> {
    const channel = await this.#open().catch(() => null);
    if (!channel) throw new SshFailure('ssh.noSubsystem');
    const subsystem = new Subsystem(channel, this.#session, take);
    if (await channel.request(new SubsystemRequest(name)).catch(() => false)) return subsystem;
    subsystem.close();
    throw new SshFailure('ssh.noSubsystem');
  }

  close(): void {
    this.leave().catch(() => {});
  }

  /** The same; resolves once the server has been told, or cannot be, and never rejects. */
  async leave(): Promise<void> {
    await this.#session.close(SshDisconnectReason.byApplication).catch(() => {});
  }

  async #open(): Promise<SshChannel> {
    const message = new ChannelOpenMessage();
    message.channelType = 'session';
    message.maxWindowSize = limits.windowBytes;
    return this.#session.openChannel(message);
  }
}
