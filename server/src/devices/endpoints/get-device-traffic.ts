import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import { matching } from '../../api/pattern.ts';
import { dayOf } from '../calendar.ts';
import { type DevicesContext, deviceFor } from '../context.ts';
import { deviceParameters, showTraffic, trafficSchema } from '../schemas.ts';

const day = Type.Optional(
  Type.String({
    ...matching('^\\d{4}-\\d{2}-\\d{2}$', 'must be a day such as 2030-01-31'),
    description: 'A day in UTC.',
  }),
);
const monthMs = 30 * 86_400_000;

/** `GET /devices/{id}/traffic`. */
export function getDeviceTraffic(context: DevicesContext): Endpoint {
  return endpoint({
    operation: 'getDeviceTraffic',
    method: 'GET',
    path: '/devices/{id}/traffic',
    tag: 'Devices',
    summary: 'Gets the payload of a device by day.',
    description: 'Days in UTC, those without traffic left out; by default the last thirty.',
    parameters: deviceParameters,
    query: Type.Object({ since: day, until: day }),
    needs: 'devices.read',
    replies: [
      {
        status: 200,
        description: 'Days with traffic.',
        schema: Type.Object({ days: Type.Array(trafficSchema('day')) }),
      },
    ],
    async handle({ caller, parameters, query }) {
      const { number } = await deviceFor(context, caller, parameters.id);
      const now = context.core.clock.date();
      const { since = dayOf(now - monthMs), until = dayOf(now) } = query;
      const days = await context.history.ofDevice(number, since, until);
      return { body: { days: days.map((one) => showTraffic('day', one)) } };
    },
  });
}
