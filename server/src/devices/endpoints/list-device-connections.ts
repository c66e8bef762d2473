import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../../api/paging.ts';
import { type DevicesContext, deviceFor, knownSince, seesUsersOf } from '../context.ts';
import { connectionSchema, deviceParameters, showConnection } from '../schemas.ts';

/** `GET /devices/{id}/connections`. */
export function listDeviceConnections(context: DevicesContext): Endpoint {
  return endpoint({
    operation: 'listDeviceConnections',
    method: 'GET',
    path: '/devices/{id}/connections',
    tag: 'Devices',
    summary: 'Lists the last connections of a device, the latest first.',
    description: 'Who has ended one is named if you hold `audit.read` or `devices.write` for the device.',
    parameters: deviceParameters,
    query: Type.Object(pageQuery),
    needs: 'devices.read',
    replies: [{ status: 200, description: 'A page of connections.', schema: pageOf(connectionSchema) }],
    async handle({ caller, parameters, query }) {
      const device = await deviceFor(context, caller, parameters.id);
      const seesUsers = seesUsersOf(caller, device);
      const before = sequenceOf(query.cursor);
      const rows = await context.history.connections(
        { number: device.number, since: knownSince(caller, device) },
        before,
        query.limit + 1,
      );
      return {
        body: pageFrom(
          rows,
          query.limit,
          (row) => showConnection(row, seesUsers),
          ({ sequence }) => [sequence],
        ),
      };
    },
  });
}

/** A cursor that is one number. */
export function sequenceOf(cursor: string | undefined): number | null {
  return readCursor(cursor, 'integer')?.[0] ?? null;
}
