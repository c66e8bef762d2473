import type { Clock } from 'rm-protocol';
import type { CallHead, DialPort, OpenPort, OpenSocketRoute, Refusal, RouteSocket } from 'rm-reflector/ports';
import { UserPlaces } from '../api/user-places.ts';
import type { Limits } from '../limits.ts';
import { RecordedTerminal } from '../recordings/recorded-terminal.ts';
import type { Recordings } from '../recordings/recordings.ts';
import { limits as sshLimits } from '../ssh/limits.ts';
import { serveInThread } from '../ssh-at-server/ssh-thread.ts';
import type { TerminalWarnings } from './terminal-warnings.ts';
import type { TicketFor, Tickets, TicketUse } from './tickets.ts';

/** What the routes need. */
export interface TicketRouteContext {
  readonly tickets: Tickets;
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'ticketWaitMs' | 'ticketBytes' | 'sshThreads' | 'sshThreadsPerUser'>;
}

/** Added to the HTTP status of a refusal: codes of RFC 6455 section 7.4.2 for private use. */
const privateCodes = 4_000;

const noRoom: Readonly<Record<'user' | 'all', Refusal>> = {
  user: { status: 429, error: 'you have too many terminals open whose SSH ends at the server' },
  all: { status: 429, error: 'too many terminals are open whose SSH ends at the server' },
};
const noTicket: Refusal = { status: 401, error: 'this ticket was used, or has expired' };

/** Carries a connection. Resolves with `null` when it is over, or with why there is none. */
type Carry = (
  socket: RouteSocket,
  found: TicketFor,
  call: CallHead,
  messages: AsyncIterator<string | Buffer>,
) => Promise<Refusal | null>;

/**
 * A WebSocket on the host apart whose first message is a ticket for `use`. A refusal is the close code 4000 + its HTTP status, with its
 * sentence as the reason.
 */
function ticketRoute(
  { tickets, clock, limits }: TicketRouteContext,
  use: TicketUse,
  maxMessageBytes: number,
  carry: Carry,
): OpenSocketRoute {
  return {
    access: 'anyone',
    apart: true,
    path: `/${use}`,
    maxMessageBytes,
    firstBytes: limits.ticketBytes,
    async connect(socket, call) {
      const timer = clock.schedule(limits.ticketWaitMs, () => refuse(socket, noTicket));
      const messages = socket.messages[Symbol.asyncIterator]();
      const first = await messages.next();
      timer.cancel();
      if (first.done) return;
      const found = typeof first.value === 'string' ? tickets.redeem(first.value, use) : null;
      const refusal = found ? await carry(socket, found, call, messages) : noTicket;
      if (refusal) refuse(socket, refusal);
    },
  };
}

/** `/tcp`: what follows the ticket are the bytes of the connection. `maxMessageBytes`: `clientMessageBytes` of the reflector. */
export function tcpRoute(
  context: TicketRouteContext,
  openPort: OpenPort,
  maxMessageBytes: number,
): OpenSocketRoute {
  return ticketRoute(context, 'tcp', maxMessageBytes, (socket, { identity, device, port }, call) =>
    openPort(socket, { identity, device, port, call }),
  );
}

/** `/ssh`: what follows are the messages of `ssh/messages.ts`, and SSH with the device ends here. */
export function sshRoute(
  context: TicketRouteContext,
  dialPort: DialPort,
  recordings: Recordings,
  warnings: TerminalWarnings,
): OpenSocketRoute {
  const { limits } = context;
  const { messageBytes } = sshLimits;
  const places = new UserPlaces({ all: limits.sshThreads, perUser: limits.sshThreadsPerUser });
  return ticketRoute(
    context,
    'ssh',
    messageBytes,
    async (socket, { identity, device, port, record }, call, messages) => {
      const leave = places.take(identity.user.name);
      if (typeof leave === 'string') return noRoom[leave];
      const about = record && { user: identity.user.name, device, port, ...record };
      const recorder = about && new RecordedTerminal(recordings, about);
      let served: Promise<void> = Promise.resolve();
      try {
        return await dialPort(
          socket,
          { identity, device, port, call },
          {
            connected(connection) {
              served = serveInThread(socket, messages, connection, call.signal, recorder, (text, error) =>
                warnings.warn(text, { user: identity.user.name, device, port }, error),
              );
            },
            cut: (code) => socket.close(code),
          },
        );
      } finally {
        await served;
        leave();
      }
    },
  );
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
