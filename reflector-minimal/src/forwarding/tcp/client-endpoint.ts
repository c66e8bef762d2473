import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  answerOffer,
  CLIENT_PROTOCOL,
  encodeTerms,
  LEGACY_FRAME_BYTES,
  ProtocolError,
  type Terms,
} from 'rm-protocol';
import type { Boundary } from '../../boundary.ts';
import { fieldsOf } from '../../http/headers.ts';
import { refusals } from '../../refusals/catalogue.ts';
import { Handshake } from '../../websocket/handshake.ts';
import { ClientTunnel, type ClientTunnelOptions } from './client-tunnel.ts';
import type { TcpContext, TcpTarget } from './target.ts';
import { TcpRequest } from './tcp-request.ts';

/** The window has no meaning here: a WebSocket carries one connection, and TCP provides its flow control. */
const leastExtension = { maxFrame: LEGACY_FRAME_BYTES, window: 1 };

/** Client tunnels (`webtunnel.md` section 4). Each is one TCP connection to a device. */
export class ClientEndpoint {
  readonly #context: TcpContext;
  readonly #handshake: Handshake;
  readonly #tunnels = new Set<ClientTunnel>();

  constructor(context: TcpContext) {
    this.#context = context;
    const { limits, log } = context;
    this.#handshake = new Handshake(limits, limits.clientMessageBytes, (error) =>
      log.error({ err: error }, 'client tunnel failed'),
    );
  }

  /** The device has been found and the user let in. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, target: TcpTarget): Promise<void> {
    const port = readPort(request);
    const asked = new TcpRequest(this.#context, request, socket, target, port);
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
      // If `ws` refuses the head it ends the socket, and the channel must end with it.
      const orphaned = () => channel.destroy();
      socket.once('close', orphaned);
      this.#handshake.complete(request, socket, head, headers, (webSocket, boundary) => {
        socket.off('close', orphaned);
        this.#carry({ webSocket, socket, channel, terms }, boundary, since, asked);
      });
    });
  }

  /** Ends all tunnels with this close code. */
  closeAll(code: number): void {
    for (const tunnel of this.#tunnels) tunnel.close(code);
  }

  #carry(
    ends: Pick<ClientTunnelOptions, 'webSocket' | 'socket' | 'channel' | 'terms'>,
    boundary: Boundary,
    since: number,
    asked: TcpRequest,
  ): void {
    const { limits, clock, readAhead } = this.#context;
    const traffic = { bytesFrom: 0, bytesTo: 0 };
    const ended = asked.begin(traffic, since, () => tunnel.close(1008));
    const tunnel = new ClientTunnel({
      ...ends,
      traffic,
      readAhead,
      limits,
      clock: boundary.clock(clock),
      ended: () => {
        this.#tunnels.delete(tunnel);
        ended();
      },
    });
    this.#tunnels.add(tunnel);
  }
}

function readPort(request: IncomingMessage): number | null {
  const header = String(request.headers['x-webtunnel-remoteport'] ?? '').trim();
  const port = /^\d{1,5}$/.test(header) ? Number(header) : 0;
  return port >= 1 && port <= 65535 ? port : null;
}
