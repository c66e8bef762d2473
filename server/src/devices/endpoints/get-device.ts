import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import { type DevicesContext, deviceFor } from '../context.ts';
import { deviceParameters, deviceSchema, showDevice } from '../schemas.ts';

/** `GET /devices/{id}`. */
export function getDevice(context: DevicesContext): Endpoint {
  return endpoint({
    operation: 'getDevice',
    method: 'GET',
    path: '/devices/{id}',
    tag: 'Devices',
    summary: 'Gets a device.',
    parameters: deviceParameters,
    needs: 'devices.read',
    replies: [{ status: 200, description: 'The device.', schema: deviceSchema }],
    async handle({ caller, parameters }) {
      const device = await deviceFor(context, caller, parameters.id);
      return { body: showDevice(device, caller), version: device.revision };
    },
  });
}
