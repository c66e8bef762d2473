import type { Clock } from 'rm-protocol';
import {
  type CallHead,
  type DialPort,
  type OpenPort,
  type OpenSocketRoute,
  type Refusal,
  type RouteSocket,
  StoreUnavailable,
} from 'rm-reflector/ports';
import { closeReason } from '../api/close-reason.ts';
import type { Limits } from '../limits.ts';
import { RecordedTerminal } from '../recordings/recorded-terminal.ts';
import type { Recordings } from '../recordings/recordings.ts';
import { limits as sshLimits } from '../ssh/limits.ts';
import { serveInThread } from '../ssh-at-server/ssh-thread.ts';
import { type Taken, TerminalPlaces } from './terminal-places.ts';
import type { TerminalWarnings } from './terminal-warnings.ts';
import type { TicketFor, TicketOffice, TicketUse } from './tickets.ts';

/** What the routes need. */
export interface TicketRouteContext {
  readonly tickets: TicketOffice;
  readonly clock: Clock;
  readonly limits: Pick<
    Limits,
    | 'ticketWaitMs'
    | 'sshThreads'
    | 'sshThreadsPerDomain'
    | 'sshThreadsPerUser'
    | 'sshLogInMs'
    | 'sshPartingMs'
  >;
}

/** Added to the HTTP status of a refusal: codes of RFC 6455 section 7.4.2 for private use. */
const privateCodes = 4_000;

const noRoom: Readonly<Record<Taken, Refusal>> = {
  user: { status: 429, error: 'you have too many terminals open whose SSH ends at the server' },
  domain: { status: 429, error: 'too many terminals of this domain are open whose SSH ends at the server' },
  all: { status: 429, error: 'too many terminals are open whose SSH ends at the server' },
};
const noShell: Refusal = { status: 408, error: 'nobody has logged in to the device in time' };
const noTicket: Refusal = { status: 401, error: 'this ticket was used, or has expired' };

const tryAgain: Refusal = { status: 503, error: 'whether this ticket was used is not known now: try again' };

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
    firstBytes: tickets.bytes,
    async connect(socket, call) {
      const timer = clock.schedule(limits.ticketWaitMs, () => refuse(socket, noTicket));
      const messages = socket.messages[Symbol.asyncIterator]();
      const first = await messages.next();
      timer.cancel();
      if (first.done) return;
      const found = typeof first.value === 'string' ? await redeemed(tickets, first.value, use) : null;
      if (found === 'unknown') return refuse(socket, tryAgain);
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
  const { limits, clock } = context;
  const { messageBytes } = sshLimits;
  const places = new TerminalPlaces(limits);
  return ticketRoute(
    context,
    'ssh',
    messageBytes,
    async (socket, { identity, device, uid, domain, port, recorded }, call, messages) => {
      const user = identity.user.name;
      const leave = places.take(user, domain);
      if (typeof leave === 'string') return noRoom[leave];
      const recorder = recorded
        ? new RecordedTerminal(recordings, { user, device, uid, domain, port })
        : null;
      const timer = clock.schedule(limits.sshLogInMs, () => refuse(socket, noShell));
      let served: Promise<void> = Promise.resolve();
      try {
        return await dialPort(
          socket,
          { identity, device, port, call },
          {
            connected(connection) {
              served = serveInThread(
                { socket, messages, connection, signal: call.signal },
                { recorder, begun: () => timer.cancel() },
                context,
                (text, error) => warnings.warn(text, { user, device, port }, error),
              );
            },
            cut: (code) => socket.close(code),
          },
        );
      } finally {
        await served;
        timer.cancel();
        leave();
      }
    },
  );
}

/** `unknown`: the database is away. */
async function redeemed(
  tickets: TicketOffice,
  ticket: string,
  use: TicketUse,
): Promise<TicketFor | null | 'unknown'> {
  try {
    return await tickets.redeem(ticket, use);
  } catch (error) {
    if (error instanceof StoreUnavailable) return 'unknown';
    throw error;
  }
}

function refuse(socket: RouteSocket, { status, error }: Refusal): void {
  socket.close(privateCodes + status, closeReason(error));
}
