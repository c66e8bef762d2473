import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import { conflict } from '../../api/problem.ts';
import { type DevicesContext, deviceFor, disconnect } from '../context.ts';
import { deviceParameters } from '../schemas.ts';

/** `DELETE /devices/{id}`. */
export function deleteDevice(context: DevicesContext): Endpoint {
  return endpoint({
    operation: 'deleteDevice',
    method: 'DELETE',
    path: '/devices/{id}',
    tag: 'Devices',
    summary: 'Removes a device, with all that is known of it.',
    parameters: deviceParameters,
    conditional: true,
    needs: 'devices.create',
    replies: [{ status: 204, description: 'It is removed.' }],
    async handle({ caller, parameters, checkVersion, note }) {
      const { store, clock } = context.core;
      const device = await deviceFor(context, caller, parameters.id, 'devices.create');
      checkVersion(device.revision);
      if (!(await store.devices.remove(device.id, clock.date(), device))) {
        throw conflict(`device ${device.id}: was removed or moved meanwhile`);
      }
      note(`domain ${device.domain}`, { device: device.id });
      disconnect(context, device, { cause: 'refused', reason: 'this device was removed' });
      return {};
    },
  });
}
