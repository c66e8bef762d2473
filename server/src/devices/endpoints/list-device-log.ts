import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import { pageFrom, pageOf, pageQuery } from '../../api/paging.ts';
import { forbidden } from '../../api/problem.ts';
import { type DevicesContext, deviceFor, knownSince, seesUsersOf } from '../context.ts';
import { deviceParameters, loggedEvent, showEvent } from '../schemas.ts';
import { sequenceOf } from './list-device-connections.ts';

/** `GET /devices/{id}/log`. */
export function listDeviceLog(context: DevicesContext): Endpoint {
  return endpoint({
    operation: 'listDeviceLog',
    method: 'GET',
    path: '/devices/{id}/log',
    tag: 'Devices',
    summary: 'Lists what the audit log says of a device, the latest first.',
    description: 'It names other users: you need `audit.read` or `devices.write` for the device.',
    parameters: deviceParameters,
    query: Type.Object(pageQuery),
    needs: 'devices.read',
    replies: [{ status: 200, description: 'A page of events.', schema: pageOf(loggedEvent) }],
    async handle({ caller, parameters, query }) {
      const device = await deviceFor(context, caller, parameters.id);
      if (!seesUsersOf(caller, device)) throw forbidden('audit.read');
      const rows = await context.history.log(
        { id: device.id, since: knownSince(caller, device) },
        sequenceOf(query.cursor),
        query.limit + 1,
      );
      return { body: pageFrom(rows, query.limit, showEvent, ({ sequence }) => [sequence]) };
    },
  });
}
