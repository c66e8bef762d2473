import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import { conflict } from '../../api/problem.ts';
import { type DevicesContext, disconnectAfterChange, heldDeviceFor } from '../context.ts';
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
      const { core, devices } = context;
      const { store, clock } = core;
      // The Store removes it in a transaction of its own: a change that comes in between has another revision then, and is told so.
      const device = await core.database.transact(function* () {
        const held = yield* heldDeviceFor(context, caller, parameters.id, 'devices.create');
        checkVersion(held.revision);
        yield* devices.supersede(held);
        return held;
      });
      if (!(await store.devices.remove(device.id, clock.date(), device))) {
        throw conflict(`device ${device.id}: was removed or moved meanwhile`);
      }
      note(`domain ${device.domain}`, { device: device.id });
      await disconnectAfterChange(context, device, { cause: 'refused', reason: 'this device was removed' });
      return {};
    },
  });
}
