import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  answerOffer,
  type Cancellable,
  CLIENT_PROTOCOL,
  encodeTerms,
  LEGACY_FRAME_BYTES,
  ProtocolError,
  type Terms,
} from 'rm-protocol';
import { fieldsOf } from '../../http/headers.ts';
import type { Refusal } from '../../http/refusal.ts';
import type { PortUser } from '../../ports/routes.ts';
import { refusals } from '../../refusals/catalogue.ts';
import { Handshake } from '../../websocket/handshake.ts';
import type { ServerWebSocket } from '../../websocket/server-web-socket.ts';
import { type Asker, askerOf } from './asker.ts';
import { ClientTunnel, type ClientTunnelOptions, internalError } from './client-tunnel.ts';
import { DeviceBytes } from './device-bytes.ts';
import type { TcpContext, TcpTarget } from './target.ts';
import { TcpRequest } from './tcp-request.ts';

/** The window has no meaning here: a WebSocket carries one connection, and TCP provides its flow control. */
const leastExtension = { maxFrame: LEGACY_FRAME_BYTES, window: 1 };

/** Largest message to a page, in bytes: a browser hands each to the page as a whole. */
const pageFrame = 65_536;

/** The WebSocket of a page. */
export interface PageSocket {
  /** Aborted when the page has gone. */
  readonly signal: AbortSignal;
  take(): {
    readonly webSocket: ServerWebSocket;
    /** Under it. */
    readonly socket: Duplex;
    /** Received and not read; text is a string. */
    readonly unread: readonly (string | Buffer)[];
  } | null;
}

/** Client tunnels (`webtunnel.md` section 4). Each is one TCP connection to a device. */
export class ClientEndpoint {
  readonly #context: TcpContext;
  readonly #handshake: Handshake;
  readonly #tunnels = new Set<ClientTunnel>();
  /** What ends connections of routes, with a close code. */
  readonly #dialled = new Set<(code: number) => void>();

  constructor(context: TcpContext) {
    this.#context = context;
    const { limits, log } = context;
    this.#handshake = new Handshake({
      limits,
      messageBytes: limits.clientMessageBytes,
      pieces: true,
      failed: (error) => log.error({ err: error }, 'client tunnel failed'),
    });
  }

  /** The device has been found and the user let in. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, target: TcpTarget): Promise<void> {
    const port = readPort(request);
    const asked = new TcpRequest(this.#context, askerOf(this.#context, request, socket), target, port);
    if (port === null) {
      asked.refuse(refusals.badRequest('X-WebTunnel-RemotePort must be a port number, 1 to 65535'));
      return;
    }
    let terms: Terms;
    try {
      terms = answerOffer(this.#context.offer, fieldsOf(request.rawHeaders), leastExtension);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      asked.refuse(refusals.badRequest(error.message));
      return;
    }
    await asked.open(port, (channel, since) => {
      const headers = [['Sec-WebSocket-Protocol', CLIENT_PROTOCOL], ...encodeTerms(terms)] as const;
      // If the handshake refuses the head it ends the socket, and the channel must end with it.
      const orphaned = () => channel.destroy();
      socket.once('close', orphaned);
      this.#handshake.complete(request, socket, head, headers, (webSocket, boundary) => {
        socket.off('close', orphaned);
        const clock = boundary.clock(this.#context.clock);
        this.#carry({ webSocket, socket, channel, terms, clock, isPage: false }, since, asked);
      });
    });
  }

  /**
   * The same for a page, whose WebSocket is there already: `take` gives it away once the device has connected, with what it has
   * received in the meantime; `null` if it has ended. The page speaks the extension, and sends no PING. Resolves with `null` when the connection is over, or with
   * why there is none.
   */
  page({ signal, take }: PageSocket, target: TcpTarget, port: number): Promise<Refusal | null> {
    return new Promise((resolve, reject) => {
      const asked = new TcpRequest(this.#context, askerBy(signal, resolve, reject), target, port);
      const { offer, clock } = this.#context;
      const terms = { keepAlive: offer.keepAlive, extension: { ...leastExtension, maxFrame: pageFrame } };
      const opened = asked.open(port, (channel, since) => {
        const taken = take();
        if (!taken) {
          channel.destroy();
          resolve(null);
          return;
        }
        const { webSocket, socket, unread } = taken;
        this.#carry({ webSocket, socket, channel, terms, clock, isPage: true }, since, asked, () =>
          resolve(null),
        );
        for (const message of unread) {
          webSocket.emit('message', Buffer.from(message), typeof message !== 'string', true);
        }
        webSocket.resume();
      });
      opened.catch(reject);
      signal.addEventListener('abort', () => resolve(null), { once: true });
    });
  }

  /**
   * The same for a route that reads and writes the bytes itself. `signal`: aborted when nobody uses them any more; the route may still take
   * leave of the device, for `leftoverMs` at most. Resolves with `null` then, and when the connection is over, or with why there is none.
   */
  dial(signal: AbortSignal, user: PortUser, target: TcpTarget, port: number): Promise<Refusal | null> {
    return new Promise((resolve, reject) => {
      const asked = new TcpRequest(this.#context, askerBy(signal, resolve, reject), target, port);
      const opened = asked.open(port, (channel, since) => {
        const traffic = { bytesFrom: 0, bytesTo: 0 };
        const bytes = new DeviceBytes(channel, traffic, this.#context);
        let isOver = false;
        const cut = (code: number) => {
          if (isOver) return;
          isOver = true;
          channel.destroy();
          user.cut(code);
        };
        let parting: Cancellable | null = null;
        const gone = () => {
          const { limits, clock } = this.#context;
          parting = clock.schedule(limits.leftoverMs, () => {
            if (!bytes.isClosed) channel.destroy();
          });
        };
        const ended = asked.begin(traffic, since, () => cut(1008));
        this.#dialled.add(cut);
        signal.addEventListener('abort', gone, { once: true });
        channel.on('error', () => {});
        channel.once('close', () => {
          this.#dialled.delete(cut);
          signal.removeEventListener('abort', gone);
          parting?.cancel();
          if (!bytes.isWhole && !signal.aborted) cut(internalError);
          isOver = true;
          ended();
          resolve(null);
        });
        user.connected(bytes);
      });
      opened.catch(reject);
      signal.addEventListener('abort', () => resolve(null), { once: true });
    });
  }

  /** Ends all tunnels with this close code. */
  closeAll(code: number): void {
    for (const tunnel of this.#tunnels) tunnel.close(code);
    for (const cut of this.#dialled) cut(code);
  }

  #carry(
    ends: Pick<ClientTunnelOptions, 'webSocket' | 'socket' | 'channel' | 'terms' | 'clock' | 'isPage'>,
    since: number,
    asked: TcpRequest,
    over: () => void = () => {},
  ): ClientTunnel {
    const { limits, readAhead } = this.#context;
    const traffic = { bytesFrom: 0, bytesTo: 0 };
    const ended = asked.begin(traffic, since, () => tunnel.close(1008));
    const tunnel = new ClientTunnel({
      ...ends,
      traffic,
      readAhead,
      limits,
      ended: () => {
        this.#tunnels.delete(tunnel);
        ended();
        over();
      },
    });
    this.#tunnels.add(tunnel);
    return tunnel;
  }
}

/** Whoever waits at the other end of a WebSocket. */
function askerBy(
  signal: AbortSignal,
  refuse: (refusal: Refusal) => void,
  failed: (error: unknown) => void,
): Asker {
  return {
    watch(gone) {
      signal.addEventListener('abort', gone, { once: true });
      return () => signal.removeEventListener('abort', gone);
    },
    refuse,
    withdrawn: refusals.logIn,
    failed,
  };
}

function readPort(request: IncomingMessage): number | null {
  const header = String(request.headers['x-webtunnel-remoteport'] ?? '').trim();
  const port = /^\d{1,5}$/.test(header) ? Number(header) : 0;
  return port >= 1 && port <= 65535 ? port : null;
}
