import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../api/endpoint.ts';
import { Problem } from '../api/problem.ts';
import { type DevicesContext, deviceFor } from '../devices/context.ts';
import { deviceParameters } from '../devices/schemas.ts';
import { clipboardOf } from './clipboard.ts';
import { isRecorded, mayEndHere } from './ssh-at-server.ts';
import type { TicketOffice } from './tickets.ts';

/** `POST /devices/{id}/tickets`. */
export function createTicket(context: DevicesContext, tickets: TicketOffice): Endpoint {
  const { limits, configuration } = context.core;
  return endpoint({
    operation: 'createTicket',
    method: 'POST',
    path: '/devices/{id}/tickets',
    tag: 'Devices',
    summary: 'Makes a ticket for one TCP connection to a device.',
    description:
      'For a page that has no credentials: the first message of the WebSocket /tcp on the host desk.DOMAIN is the ticket. It is good for one connection, for as long as it says, and for what its user may open then.',
    parameters: deviceParameters,
    body: Type.Object({
      port: Type.Integer({ minimum: 1, maximum: 65_535, description: 'Port of the device.' }),
      use: Type.Optional(
        Type.Enum(['tcp', 'ssh'], {
          description:
            '`tcp` by default: the bytes of the connection. `ssh`: a terminal whose SSH ends at the server, over the WebSocket /ssh; `terminal` of the configuration has to allow it.',
        }),
      ),
    }),
    needs: 'devices.open',
    replies: [
      {
        status: 201,
        description: 'The ticket, which is not shown again.',
        schema: Type.Object({
          ticket: Type.String(),
          seconds: Type.Number({ description: 'For which it is good.' }),
          alive: Type.Boolean({
            description:
              'Whether the server answers, over the WebSocket, a page that asks whether it is there: the text message `alive` on /tcp, by the same.',
          }),
          sshAtServer: Type.Boolean({
            description: 'Whether SSH may end at the server (`terminal` of the configuration).',
          }),
          recorded: Type.Boolean({
            description:
              'Whether terminals of the device are recorded (`recording` of the configuration). SSH ends at the server then.',
          }),
          clipboard: Type.Object(
            {
              toDevice: Type.Boolean({ description: 'Text of the user.' }),
              fromDevice: Type.Boolean({ description: 'Text that was copied on the device.' }),
            },
            { description: 'What a desktop in the browser lets pass (`desktop` of the configuration).' },
          ),
        }),
      },
      { status: 403, description: 'You may not open the device, or SSH does not end at the server for it.' },
      { status: 429, description: 'You have too many tickets that are not used.' },
    ],
    async handle({ caller, parameters, body, note }) {
      const device = await deviceFor(context, caller, parameters.id, 'devices.open');
      const { port, use = 'tcp' } = body;
      const sshAtServer = mayEndHere(configuration, device.domain);
      if (use === 'ssh' && !sshAtServer)
        throw new Problem(403, 'SSH does not end at the server for this device');
      const recorded = isRecorded(configuration, device.domain);
      const { id, uid, domain } = device;
      const isTerminal = use === 'ssh';
      const ticket = tickets.issue({
        identity: caller.identity,
        device: id,
        uid,
        domain,
        port,
        use,
        recorded: isTerminal && recorded,
      });
      if (ticket === null) {
        throw new Problem(429, 'You have too many tickets that are not used', {
          headers: { 'Retry-After': String(Math.ceil(limits.ticketMs / 1000)) },
        });
      }
      const where = isTerminal ? `, SSH ends at the server${recorded ? ', recorded' : ''}` : '';
      note(`port ${port}${where}`, { device: id });
      const clipboard = clipboardOf(configuration.desktop, domain);
      return {
        body: { ticket, seconds: limits.ticketMs / 1000, alive: true, sshAtServer, recorded, clipboard },
      };
    },
  });
}
