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
import type { AuditRecord } from '../../audit/record.ts';
import { responseOn } from '../../http/detached-response.ts';
import { fieldsOf } from '../../http/headers.ts';
import { type Refusal, sendRefusal } from '../../http/refusal.ts';
import type { DeviceChannel } from '../../ports/presence.ts';
import { refusals } from '../../refusals/catalogue.ts';
import { Handshake } from '../../websocket/handshake.ts';
import { ClientTunnel } from './client-tunnel.ts';
import { openChannel } from './open-channel.ts';
import type { TcpContext, TcpTarget } from './target.ts';

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
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, target: TcpTarget): void {
    const refuse = (refusal: Refusal) => {
      this.#context.audit.count({ ...decision, allowed: false, reason: refusal.error });
      if (!socket.destroyed) sendRefusal(request, responseOn(request, socket, this.#context), refusal);
    };
    const port = readPort(request);
    const { identity, device, address } = target;
    const decision = {
      event: 'client-tunnel',
      user: identity.user.name,
      by: identity.by,
      address,
      device: device.id,
      port: port ?? undefined,
    };
    if (port === null) {
      refuse(refusals.badRequest('X-WebTunnel-RemotePort must be a port number, 1 to 65535'));
      return;
    }
    let terms: Terms;
    try {
      terms = answerOffer(this.#context.offer, fieldsOf(request.rawHeaders), leastExtension);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refuse(refusals.badRequest(error.message));
      return;
    }
    openChannel(device, port, socket, {
      failed: refuse,
      opened: (channel) => {
        this.#connect(request, socket, head, { ...target, port, channel, terms, decision });
      },
    });
  }

  /** Ends all tunnels with this close code. */
  closeAll(code: number): void {
    for (const tunnel of this.#tunnels) tunnel.close(code);
  }

  #connect(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    target: TcpTarget & {
      readonly port: number;
      readonly channel: DeviceChannel;
      readonly terms: Terms;
      readonly decision: Omit<AuditRecord, 'allowed'>;
    },
  ): void {
    const { limits, clock, revocation, audit } = this.#context;
    const { identity, device, since, channel, terms, decision } = target;
    const headers = [['Sec-WebSocket-Protocol', CLIENT_PROTOCOL], ...encodeTerms(terms)] as const;
    // If `ws` refuses the head it ends the socket, and the channel must end with it.
    const orphaned = () => channel.destroy();
    socket.once('close', orphaned);
    this.#handshake.complete(request, socket, head, headers, (webSocket, boundary) => {
      socket.off('close', orphaned);
      const traffic = { bytesFrom: 0, bytesTo: 0 };
      const opened = clock.now();
      const tunnel = new ClientTunnel({
        webSocket,
        socket,
        channel,
        terms,
        traffic,
        readAhead: this.#context.readAhead,
        limits,
        clock: boundary.clock(clock),
        ended: () => {
          release();
          this.#tunnels.delete(tunnel);
          const ms = Math.round(clock.now() - opened);
          audit.record({ ...decision, event: 'client-tunnel-end', allowed: true, ...traffic, ms });
        },
      });
      this.#tunnels.add(tunnel);
      const holder = { kind: 'user', identity, device } as const;
      const release = revocation.add({ holder, since, end: () => tunnel.close(1008) });
      audit.record({ ...decision, allowed: true });
    });
  }
}

function readPort(request: IncomingMessage): number | null {
  const header = String(request.headers['x-webtunnel-remoteport'] ?? '').trim();
  const port = /^\d{1,5}$/.test(header) ? Number(header) : 0;
  return port >= 1 && port <= 65535 ? port : null;
}
