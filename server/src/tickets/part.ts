import { defaultLimits } from 'rm-reflector';
import { devicesContext } from '../devices/context.ts';
import type { Core, Part } from '../part.ts';
import { createTicket } from './endpoint.ts';
import { tcpRoute } from './route.ts';
import { Tickets } from './tickets.ts';

/** TCP connections of pages, by tickets. */
export const ticketsPart: Part = {
  run(core: Core) {
    const { clock, limits, openPort } = core;
    const tickets = new Tickets(clock, limits);
    const maxMessageBytes = defaultLimits.clientMessageBytes;
    return {
      endpoints: [createTicket(devicesContext(core), tickets)],
      routes: [tcpRoute({ tickets, openPort, clock, limits, maxMessageBytes })],
    };
  },
};
