import { dirname, join } from 'node:path';
import { defaultLimits } from 'rm-reflector';
import { recordingBounds } from '../configuration/recording.ts';
import type { OwnConfiguration } from '../configuration/schema.ts';
import { devicesContext } from '../devices/context.ts';
import type { Core, Part } from '../part.ts';
import { type RecordedPlaces, recordingEndpoints } from '../recordings/endpoints.ts';
import { madeRoomRecord } from '../recordings/made-room.ts';
import { Recordings } from '../recordings/recordings.ts';
import { RecordingSweep } from '../recordings/sweep.ts';
import { createTicket } from './endpoint.ts';
import { sshRoute, tcpRoute } from './route.ts';
import { SharedTickets } from './shared-tickets.ts';
import { mayEverEndHere } from './ssh-at-server.ts';
import { TerminalWarnings } from './terminal-warnings.ts';
import { type TicketOffice, Tickets } from './tickets.ts';
import { warnOfUnknownDomains } from './unknown-domains.ts';

function ticketsOf({ shared, known, clock, limits }: Core): TicketOffice {
  const own = new Tickets(clock, limits);
  return shared ? new SharedTickets(shared, own, known, limits) : own;
}

/** Connections of pages, by tickets, and the recordings of those that are terminals. */
export const ticketsPart: Part = {
  run(core: Core) {
    const { clock, limits, openPort, dialPort, configuration, data, audit, log } = core;
    const tickets = ticketsOf(core);
    const context = { tickets, clock, limits };
    const folder = join(dirname(data), 'recordings');
    const devices = devicesContext(core);
    const places: RecordedPlaces = {
      domainsCreated: (ids) => devices.domains.createdOf(ids),
      devicesPlaced: (uids) => devices.devices.placedOf(uids),
    };
    // Those from before are kept as usual where the configuration does not speak of any now.
    const bounds = configuration.recording ?? recordingBounds;
    const recordings = new Recordings(folder, bounds, clock, limits, log, (gone) => {
      madeRoomRecord(gone, places)
        .then((record) => audit.record(record))
        .catch((error) => log.warn({ err: error }, 'a recording that has made room is not in the audit log'));
    });
    const sweep = new RecordingSweep(recordings, clock, limits, log);
    const check = (said: OwnConfiguration) => {
      warnOfUnknownDomains(said, (ids) => devices.domains.createdOf(ids), log).catch((error) => {
        log.warn({ err: error }, 'whether the domains that the configuration names exist is not known');
      });
    };
    return {
      endpoints: [createTicket(devices, tickets), ...recordingEndpoints(recordings, places)],
      routes: [
        tcpRoute(context, openPort, defaultLimits.clientMessageBytes),
        ...(mayEverEndHere(configuration)
          ? [sshRoute(context, dialPort, recordings, new TerminalWarnings(log, clock, limits))]
          : []),
      ],
      start() {
        sweep.start();
        check(configuration);
      },
      reload: check,
      stop: () => sweep.stop(),
    };
  },
};
