import { EndUnconfirmed } from 'rm-reflector/ports';
import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import { conflict, Problem } from '../../api/problem.ts';
import { type DevicesContext, deviceFor, disconnect } from '../context.ts';
import { deviceParameters } from '../schemas.ts';

/** `POST /devices/{id}/disconnect`. */
export function disconnectDevice(context: DevicesContext): Endpoint {
  return endpoint({
    operation: 'disconnectDevice',
    method: 'POST',
    path: '/devices/{id}/disconnect',
    tag: 'Devices',
    summary: 'Ends the tunnel of a device.',
    description: 'The agent connects again, with its credentials and its properties as they are then.',
    parameters: deviceParameters,
    needs: 'devices.write',
    replies: [{ status: 204, description: 'Its tunnel has ended.' }],
    async handle({ caller, parameters, note }) {
      const device = await deviceFor(context, caller, parameters.id, 'devices.write');
      const reason = 'disconnected by an operator';
      const end = { cause: 'disconnected', reason, by: caller.name } as const;
      if (!(await hasEnded(() => disconnect(context, device, end, { untilEnded: true })))) {
        throw conflict(`device ${device.id}: is not on line`);
      }
      note('', { device: device.id });
      return {};
    },
  });
}

/** Throws a `Problem` if the node of the device cannot be asked. */
async function hasEnded(disconnect: () => Promise<boolean>): Promise<boolean> {
  try {
    return await disconnect();
  } catch (error) {
    if (!(error instanceof EndUnconfirmed)) throw error;
    const detail = `the node "${error.node}" has not ended it; it does so once it can use the database`;
    throw new Problem(503, 'The tunnel may last', { detail, headers: { 'Retry-After': '5' } });
  }
}
