import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AuditRecord } from '../../audit/record.ts';
import { breakOff } from '../../http/break-off.ts';
import { responseOn } from '../../http/detached-response.ts';
import { type Refusal, sendRefusal } from '../../http/refusal.ts';
import type { DeviceChannel } from '../../ports/presence.ts';
import { join } from '../../streams/join.ts';
import { openChannel } from './open-channel.ts';
import type { TcpContext, TcpTarget } from './target.ts';

/** Raw bytes follow (RFC 9110 section 9.3.6). */
const established = 'HTTP/1.1 200 Connection established\r\n\r\n';

/** CONNECT: after the response, the connection carries the bytes of a connection to the device. */
export class ConnectEndpoint {
  readonly #context: TcpContext;
  readonly #open = new Set<() => void>();

  constructor(context: TcpContext) {
    this.#context = context;
  }

  /** The device has been found and the user let in. `head`: what the user has sent without waiting for the answer. */
  connect(request: IncomingMessage, socket: Duplex, head: Buffer, target: TcpTarget): void {
    const { audit } = this.#context;
    const { identity, device, address } = target;
    const port = portOf(request.url ?? '');
    const decision = {
      event: 'client-tunnel',
      user: identity.user.name,
      by: identity.by,
      address,
      device: device.id,
      port,
    };
    openChannel(device, port, socket, {
      opened: (channel) => this.#carry(socket, head, target, channel, decision),
      failed: (refusal: Refusal) => {
        audit.count({ ...decision, allowed: false, reason: refusal.error });
        if (!socket.destroyed) sendRefusal(request, responseOn(request, socket, this.#context), refusal);
      },
    });
  }

  /** Resets all connections, so that users do not mistake it for the end of the device's stream. */
  closeAll(): void {
    for (const end of this.#open) end();
  }

  #carry(
    socket: Duplex,
    head: Buffer,
    { identity, device, since }: TcpTarget,
    channel: DeviceChannel,
    decision: Omit<AuditRecord, 'allowed'>,
  ): void {
    const { revocation, audit, clock, limits, readAhead } = this.#context;
    const opened = clock.now();
    const traffic = { bytesFrom: 0, bytesTo: head.length };
    const end = () => breakOff(socket);
    const release = revocation.add({ holder: { kind: 'user', identity, device }, since, end });
    this.#open.add(end);
    socket.once('close', () => {
      release();
      this.#open.delete(end);
      const ms = Math.round(clock.now() - opened);
      audit.record({ ...decision, event: 'client-tunnel-end', allowed: true, ...traffic, ms });
    });
    audit.record({ ...decision, allowed: true });
    channel.on('data', (bytes: Buffer) => {
      traffic.bytesFrom += bytes.length;
    });
    socket.on('data', (bytes: Buffer) => {
      traffic.bytesTo += bytes.length;
    });
    channel.once('close', () => {
      if (!channel.readableEnded || !channel.writableFinished) breakOff(socket);
    });
    // Over TLS, Node would end our direction when the user ends theirs.
    socket.allowHalfOpen = true;
    socket.write(established);
    if (head.length > 0) channel.write(head);
    join(socket, channel, { limits, clock, total: readAhead });
  }
}

/** The port of an authority that `http/request-rules.ts` has let pass. */
function portOf(target: string): number {
  return Number(target.slice(target.lastIndexOf(':') + 1));
}
