import { defaultLimits } from 'rm-reflector';
import { devicesContext } from '../devices/context.ts';
import type { Core, Part } from '../part.ts';
import { createTicket } from './endpoint.ts';
import { sshRoute, tcpRoute } from './route.ts';
import { mayEverEndHere } from './ssh-at-server.ts';
import { Tickets } from './tickets.ts';

/** TCP connections of pages, by tickets. */
export const ticketsPart: Part = {
  run(core: Core) {
    const { clock, limits, openPort, dialPort, configuration } = core;
    const tickets = new Tickets(clock, limits);
    const context = { tickets, clock, limits };
    return {
      endpoints: [createTicket(devicesContext(core), tickets)],
      routes: [
        tcpRoute(context, openPort, defaultLimits.clientMessageBytes),
        ...(mayEverEndHere(configuration.terminal) ? [sshRoute(context, dialPort)] : []),
      ],
    };
  },
};
