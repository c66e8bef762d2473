import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../api/endpoint.ts';
import { Problem } from '../api/problem.ts';
import { type DevicesContext, deviceFor } from '../devices/context.ts';
import { deviceParameters } from '../devices/schemas.ts';
import { clipboardOf } from './clipboard.ts';
import type { Tickets } from './tickets.ts';

/** `POST /devices/{id}/tickets`. */
export function createTicket(context: DevicesContext, tickets: Tickets): Endpoint {
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
    }),
    needs: 'devices.open',
    replies: [
      {
        status: 201,
        description: 'The ticket, which is not shown again.',
        schema: Type.Object({
          ticket: Type.String(),
          seconds: Type.Number({ description: 'For which it is good.' }),
          clipboard: Type.Object(
            {
              toDevice: Type.Boolean({ description: 'Text of the user.' }),
              fromDevice: Type.Boolean({ description: 'Text that was copied on the device.' }),
            },
            { description: 'What a desktop in the browser lets pass (`desktop` of the configuration).' },
          ),
        }),
      },
      { status: 429, description: 'You have too many tickets that are not used.' },
    ],
    handle({ caller, parameters, body, note }) {
      const device = deviceFor(context, caller, parameters.id, 'devices.open');
      const ticket = tickets.issue({ identity: caller.identity, device: device.id, port: body.port });
      if (ticket === null) {
        throw new Problem(429, 'You have too many tickets that are not used', {
          headers: { 'Retry-After': String(Math.ceil(limits.ticketMs / 1000)) },
        });
      }
      note(`port ${body.port}`, { device: device.id });
      const clipboard = clipboardOf(configuration.desktop, device.domain);
      return { body: { ticket, seconds: limits.ticketMs / 1000, clipboard } };
    },
  });
}
