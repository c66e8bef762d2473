import type { Clock } from 'rm-protocol';
import type { OpenPort, OpenSocketRoute, Refusal, RouteSocket } from 'rm-reflector/ports';
import type { Tickets } from './tickets.ts';

/** What the route needs. */
export interface TcpRouteContext {
  readonly tickets: Tickets;
  readonly openPort: OpenPort;
  readonly clock: Clock;
  readonly limits: { readonly ticketWaitMs: number; readonly ticketBytes: number };
  /** Longest message of a page; `clientMessageBytes` of the reflector. */
  readonly maxMessageBytes: number;
}

/** Added to the HTTP status of a refusal: codes of RFC 6455 section 7.4.2 for private use. */
const privateCodes = 4_000;

const noTicket: Refusal = { status: 401, error: 'this ticket was used, or has expired' };

/**
 * `/tcp` on the host apart: the first message is a ticket; what follows are the bytes of the connection that it is for. A refusal is
 * the close code 4000 + its HTTP status, with its sentence as the reason.
 */
export function tcpRoute({
  tickets,
  openPort,
  clock,
  limits,
  maxMessageBytes,
}: TcpRouteContext): OpenSocketRoute {
  return {
    access: 'anyone',
    apart: true,
    path: '/tcp',
    maxMessageBytes,
    firstBytes: limits.ticketBytes,
    async connect(socket, call) {
      const timer = clock.schedule(limits.ticketWaitMs, () => refuse(socket, noTicket));
      const first = await socket.messages[Symbol.asyncIterator]().next();
      timer.cancel();
      if (first.done) return;
      const found = typeof first.value === 'string' ? tickets.redeem(first.value) : null;
      const refusal = found ? await openPort(socket, { ...found, call }) : noTicket;
      if (refusal) refuse(socket, refusal);
    },
  };
}

function refuse(socket: RouteSocket, { status, error }: Refusal): void {
  socket.close(privateCodes + status, reasonOf(error));
}

/** At most 123 bytes (RFC 6455 section 5.5), whole characters. */
function reasonOf(text: string): string {
  let reason = text;
  while (Buffer.byteLength(reason) > 123) reason = [...reason].slice(0, -1).join('');
  return reason;
}
