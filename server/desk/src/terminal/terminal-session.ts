import { signal } from '@preact/signals';
import type { KnownHostKey } from '../../../dashboard/src/desk/messages.ts';
import { judge, type ServerKey } from '../../../src/ssh/host-key.ts';
import {
  type Questions,
  type Shell,
  SshConnection,
  SshFailure,
  type TerminalSsh,
} from '../../../src/ssh/session.ts';
import { type Bridge, Refused } from '../bridge/bridge.ts';
import { Channel } from '../connection/channel.ts';
import type { ConnectionEnd } from '../connection/end.ts';
import { type PageReturns, pageReturns } from '../connection/page-returns.ts';
import { openSocket } from '../connection/socket.ts';
import { sayEnd, sayRefused } from '../page/say.ts';
import { type BrowserKey, browserKey, makeBrowserKey } from '../ssh/browser-key.ts';
import { SshAtServer } from '../ssh/ssh-at-server.ts';
import { t } from '../texts/language.ts';
import type { Screen } from './screen.ts';

/** What a tab shows over its screen, and waits for. */
export type Stage =
  | { readonly at: 'connecting' }
  /** The browser has no algorithm in common with the device, and the server may take its place. */
  | { readonly at: 'atServer' }
  /** The server records terminals of this device, and nobody has agreed yet. */
  | { readonly at: 'recorded' }
  | { readonly at: 'hostKey'; readonly key: ServerKey; readonly known: KnownHostKey | null }
  | { readonly at: 'logIn'; readonly failed: boolean; readonly browserKey: BrowserKey | null }
  | {
      readonly at: 'questions';
      readonly asked: Questions;
      answer(given: readonly string[] | null): void;
    }
  | { readonly at: 'running' }
  | { readonly at: 'over'; readonly why: string; readonly again: boolean };

/** How somebody logs in. */
export type LogIn =
  | { readonly by: 'password'; readonly user: string; readonly password: string }
  | { readonly by: 'key'; readonly user: string };

/** What carries a connection. */
interface Line {
  readonly ended: Promise<ConnectionEnd>;
  close(): void;
}

const typeOf = (known: KnownHostKey | null) => known?.key.split(' ')[0] ?? null;

/** One connection of a tab after the other, each with its SSH session and shell. */
export class TerminalSession {
  readonly stage = signal<Stage>({ at: 'connecting' });
  /** Once somebody has logged in; `null`: nobody has. */
  readonly loggedIn = signal<TerminalSsh | null>(null);
  /** SSH ends at the server, which can read everything. */
  readonly isAtServer = signal(false);
  /** The server keeps what is shown. */
  readonly isRecorded = signal(false);
  readonly #bridge: Bridge;
  readonly #screen: () => Screen;
  #channel: Line | null = null;
  #connection: TerminalSsh | null = null;
  #shell: Shell | null = null;
  /** `null`: the server answers no page that asks whether it is there. */
  #returns: PageReturns | null = null;
  /** Of the connection: what comes late from an older one is not shown. */
  #attempt = 0;

  constructor(bridge: Bridge, screen: () => Screen) {
    this.#bridge = bridge;
    this.#screen = screen;
  }

  typed(bytes: Uint8Array): void {
    this.#shell?.write(bytes).catch(() => {});
  }

  resized(size: Parameters<Shell['resize']>[0]): void {
    this.#shell?.resize(size);
  }

  async connect(): Promise<void> {
    const attempt = this.#begin(false);
    try {
      const known = await this.#bridge.ask('hostKey', undefined);
      const { ticket, sshAtServer, recorded, alive } = await this.#bridge.ask('ticket', undefined);
      if (attempt !== this.#attempt) return;
      this.#returns = alive ? pageReturns : null;
      this.isRecorded.value = recorded;
      if (recorded) {
        this.stage.value = { at: 'recorded' };
        return;
      }
      const channel = new Channel(await openSocket(ticket), this.#returns);
      if (attempt !== this.#attempt) return channel.close();
      this.#channel = channel;
      const connection = await SshConnection.open(channel, typeOf(known)).catch((error) => {
        if (sshAtServer && error instanceof SshFailure && error.key === 'ssh.algorithms') return null;
        throw error;
      });
      if (attempt !== this.#attempt) return connection?.close();
      if (connection) return await this.#opened(connection, channel, known);
      this.#drop();
      this.stage.value = { at: 'atServer' };
    } catch (error) {
      if (attempt === this.#attempt) await this.#failed(error);
    }
  }

  /** The same with SSH that ends at the server: for those who have been told what that means, and want it. */
  async connectAtServer(): Promise<void> {
    const attempt = this.#begin(true);
    try {
      const known = await this.#bridge.ask('hostKey', undefined);
      const connection = new SshAtServer(
        await openSocket(await this.#bridge.ask('sshTicket', undefined), 'ssh'),
        this.#returns,
      );
      if (attempt !== this.#attempt) return connection.close();
      this.#channel = connection;
      await connection.begin(typeOf(known));
      if (attempt !== this.#attempt) return connection.close();
      await this.#opened(connection, connection, known);
    } catch (error) {
      if (attempt === this.#attempt) await this.#failed(error);
    }
  }

  /** Trusts the key that is shown. `instead`: of this one, which was known when the key was shown. */
  async trust(key: ServerKey, instead: KnownHostKey | null): Promise<void> {
    const attempt = this.#attempt;
    try {
      if (instead) await this.#forget(instead);
      await this.#bridge.ask('trustHostKey', key.key);
    } catch (error) {
      const status = error instanceof Refused ? error.status : 0;
      // Somebody else was faster, and trusts another one. Without one, the server keeps no more of them, and says so.
      const known = status === 409 && (await this.#bridge.ask('hostKey', undefined).catch(() => null));
      if (attempt !== this.#attempt) return;
      if (status === 403) return this.#over(t('hostKey.mayNot'), false);
      if (!known) return this.#failed(error);
      return this.isAtServer.value ? this.connectAtServer() : this.connect();
    }
    if (attempt === this.#attempt) await this.#askLogIn(false);
  }

  /** Forgets this key. One that somebody has trusted instead of it stays, and one that is forgotten already is forgotten. */
  async #forget({ key }: KnownHostKey): Promise<void> {
    const known = await this.#bridge.ask('hostKey', undefined);
    if (known?.key !== key) return;
    try {
      await this.#bridge.ask('forgetHostKey', undefined);
    } catch (error) {
      if (!(error instanceof Refused && error.status === 404)) throw error;
    }
  }

  async logIn(given: LogIn): Promise<void> {
    const connection = this.#connection;
    if (!connection) return;
    const attempt = this.#attempt;
    this.stage.value = { at: 'connecting' };
    try {
      const pair = given.by === 'key' ? (await browserKey(this.#bridge.opening.user))?.pair : undefined;
      const taken =
        given.by === 'password'
          ? await connection.logInByPassword(given.user, given.password, (asked) => this.#ask(asked, attempt))
          : pair !== undefined && (await connection.logInByKey(given.user, pair));
      if (attempt !== this.#attempt) return;
      if (!taken) return await this.#askLogIn(true);
      await this.#run(connection, attempt);
    } catch (error) {
      if (attempt === this.#attempt) await this.#failed(error);
    }
  }

  async makeKey(): Promise<void> {
    const attempt = this.#attempt;
    await makeBrowserKey(this.#bridge.opening.user);
    if (attempt === this.#attempt) await this.#askLogIn(false);
  }

  /** Ends it, with a word on the screen. What has ended already gets this reason: that of the server was the same, or comes of it. */
  end(why: string, again: boolean): void {
    if (this.stage.value.at === 'over') this.stage.value = { at: 'over', why, again };
    else this.#over(why, again);
  }

  close(): void {
    this.#attempt++;
    this.#drop();
  }

  /** Another connection takes the place of the one before. */
  #begin(atServer: boolean): number {
    const attempt = ++this.#attempt;
    this.#drop();
    this.#screen().leaveModes();
    this.isAtServer.value = atServer;
    this.stage.value = { at: 'connecting' };
    return attempt;
  }

  /** Keys are agreed on. */
  async #opened(connection: TerminalSsh, { ended }: Line, known: KnownHostKey | null): Promise<void> {
    const attempt = this.#attempt;
    const { port } = this.#bridge.opening;
    this.#connection = connection;
    // Before, there was an error that says more.
    ended
      .then((end) => {
        if (attempt === this.#attempt) this.#over(sayEnd(end, port), end.again);
      })
      .catch(() => {});
    const verdict = judge(connection.serverKey, known?.key ?? null);
    if (verdict === 'known') return this.#askLogIn(false);
    this.stage.value = { at: 'hostKey', key: connection.serverKey, known };
  }

  async #askLogIn(failed: boolean): Promise<void> {
    const attempt = this.#attempt;
    const key = await browserKey(this.#bridge.opening.user);
    if (attempt === this.#attempt) this.stage.value = { at: 'logIn', failed, browserKey: key };
  }

  /** What the device asks beside the password. */
  #ask(asked: Questions, attempt: number): Promise<readonly string[] | null> {
    return new Promise((resolve) => {
      if (attempt !== this.#attempt) return resolve(null);
      const answer = (given: readonly string[] | null) => {
        if (attempt === this.#attempt) this.stage.value = { at: 'connecting' };
        resolve(given);
      };
      this.stage.value = { at: 'questions', asked, answer };
    });
  }

  async #run(connection: TerminalSsh, attempt: number): Promise<void> {
    const screen = this.#screen();
    const shell = await connection.shell(screen.size, (bytes) => screen.write(bytes));
    if (attempt !== this.#attempt) return shell.close();
    this.#shell = shell;
    this.loggedIn.value = connection;
    this.stage.value = { at: 'running' };
    screen.focus();
    // The screen may have changed while the shell was opened.
    shell.resize(screen.size);
    const status = await shell.ended;
    // A connection that is over says more of why.
    const end = await Promise.race([
      this.#channel?.ended,
      new Promise<null>((resolve) => setTimeout(resolve, 0, null)),
    ]);
    if (attempt !== this.#attempt || end) return;
    this.#over(
      status === null || status === 0 ? t('ssh.ended') : t('ssh.endedWith', { status: String(status) }),
      true,
    );
  }

  async #failed(error: unknown): Promise<void> {
    const { port } = this.#bridge.opening;
    if (error instanceof SshFailure) {
      // The reason of the server, where it has closed the connection meanwhile; that the device has is no reason.
      const attempt = this.#attempt;
      const end = await Promise.race([
        this.#channel?.ended,
        new Promise<null>((resolve) => setTimeout(resolve, 500, null)),
      ]);
      if (attempt !== this.#attempt) return;
      if (end && end.key !== 'end.closed') return this.#over(sayEnd(end, port), end.again);
      return this.#over(t(error.key), true);
    }
    if (error instanceof Refused) return this.#over(sayRefused(error, port), error.status !== 403);
    this.#over(t('end.lost'), true);
  }

  #over(why: string, again: boolean): void {
    this.#attempt++;
    this.#drop();
    this.#screen().say(why);
    this.stage.value = { at: 'over', why, again };
  }

  #drop(): void {
    this.#shell = null;
    this.loggedIn.value = null;
    this.#connection?.close();
    this.#connection = null;
    this.#channel?.close();
    this.#channel = null;
  }
}
