import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { breakOff } from '../../http/break-off.ts';
import type { DeviceChannel } from '../../ports/presence.ts';
import { join } from '../../streams/join.ts';
import { askerOf } from './asker.ts';
import type { TcpContext, TcpTarget } from './target.ts';
import { TcpRequest } from './tcp-request.ts';

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
  connect(request: IncomingMessage, socket: Duplex, head: Buffer, target: TcpTarget): Promise<void> {
    const port = portOf(request.url ?? '');
    const asked = new TcpRequest(this.#context, askerOf(this.#context, request, socket), target, port);
    return asked.open(port, (channel, since) => this.#carry(socket, head, channel, since, asked));
  }

  /** Resets all connections, so that users do not mistake it for the end of the device's stream. */
  closeAll(): void {
    for (const end of this.#open) end();
  }

  #carry(socket: Duplex, head: Buffer, channel: DeviceChannel, since: number, asked: TcpRequest): void {
    const { clock, limits, readAhead } = this.#context;
    const traffic = { bytesFrom: 0, bytesTo: head.length };
    const end = () => breakOff(socket);
    const ended = asked.begin(traffic, since, end);
    this.#open.add(end);
    socket.once('close', () => {
      this.#open.delete(end);
      ended();
    });
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
