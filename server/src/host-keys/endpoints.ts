import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../api/endpoint.ts';
import { matching } from '../api/pattern.ts';
import { conflict, fieldProblem, notFound, Problem } from '../api/problem.ts';
import { shownTime, timeSchema } from '../api/time.ts';
import { type DevicesContext, deviceFor } from '../devices/context.ts';
import { deviceParameters } from '../devices/schemas.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { HostKey, HostKeys } from './host-keys.ts';

const key = Type.String({
  maxLength: 4_096,
  ...matching(
    '^[a-z0-9@.-]{1,64} [A-Za-z0-9+/]{16,4000}={0,2}$',
    'must be a public key as in a file of OpenSSH, without a comment',
  ),
  description: 'As in a file of OpenSSH: type and base64.',
});
const port = Type.Integer({ minimum: 1, maximum: 65_535, description: 'Port of the device.' });
const shown = Type.Object({
  port,
  key,
  fingerprint: Type.String({ description: 'SHA256, as OpenSSH shows it.' }),
  added: timeSchema,
  addedBy: Type.String({ description: 'Name of the user who trusted it.' }),
});
const ofPort = Type.Object({ ...deviceParameters.properties, port });

const show = ({ added, ...rest }: HostKey) => ({
  ...rest,
  fingerprint: fingerprintOf(rest.key) ?? '',
  added: shownTime(added),
});

/** The keys by which terminals know the SSH servers of devices: once one was trusted, everybody is told when it changes. */
export function hostKeyEndpoints(context: DevicesContext, hostKeys: HostKeys): Endpoint[] {
  const { clock, limits, rights } = context.core;
  return [
    endpoint({
      operation: 'listHostKeys',
      method: 'GET',
      path: '/devices/{id}/host-keys',
      tag: 'Devices',
      summary: 'Lists the SSH host keys by which a device is known.',
      parameters: deviceParameters,
      needs: 'devices.read',
      replies: [
        { status: 200, description: 'One for each port.', schema: Type.Object({ items: Type.Array(shown) }) },
      ],
      async handle({ caller, parameters }) {
        const device = await deviceFor(context, caller, parameters.id);
        return { body: { items: (await hostKeys.of(device.number)).map(show) } };
      },
    }),
    endpoint({
      operation: 'trustHostKey',
      method: 'PUT',
      path: '/devices/{id}/host-keys/{port}',
      tag: 'Devices',
      summary: 'Remembers the SSH host key of a port of a device.',
      description:
        'For the first use, by those who may open the port. A key that is remembered stays: forget it first, which needs the permission devices.write.',
      parameters: ofPort,
      body: Type.Object({ key }),
      needs: 'devices.open',
      replies: [
        { status: 200, description: 'The key that is remembered.', schema: shown },
        { status: 409, description: 'Another key is remembered, or too many are, also of one user.' },
      ],
      async handle({ caller, parameters, body, note }) {
        const device = await deviceFor(context, caller, parameters.id, 'devices.open');
        // The key counts for all users: whoever cannot open the port would shut others out.
        const access = await rights.deviceAccess(caller.identity, device);
        if (!access || access.ports?.includes(parameters.port) === false) {
          throw new Problem(403, 'You may not do this', {
            detail: `you may not open port ${parameters.port} of ${device.id}`,
          });
        }
        const fingerprint = fingerprintOf(body.key);
        if (fingerprint === null) throw fieldProblem('/key', 'is not the public key that its type says');
        const given = { port: parameters.port, key: body.key, added: clock.date(), addedBy: caller.name };
        const kept = await hostKeys.remember(device.number, given, limits);
        if (kept === null)
          throw conflict(
            `device ${device.id}: has as many host keys as are kept, or as many that you have trusted`,
          );
        if (kept.key !== body.key) {
          throw new Problem(409, 'Another host key is remembered', {
            detail: `port ${kept.port} of ${device.id} is known by ${fingerprintOf(kept.key)}`,
          });
        }
        note(`port ${kept.port}: ${fingerprint}`, { device: device.id });
        return { body: show(kept) };
      },
    }),
    endpoint({
      operation: 'forgetHostKey',
      method: 'DELETE',
      path: '/devices/{id}/host-keys/{port}',
      tag: 'Devices',
      summary: 'Forgets the SSH host key of a port of a device.',
      description: 'The next terminal shows the key of the device as at first use.',
      parameters: ofPort,
      needs: 'devices.write',
      replies: [{ status: 204, description: 'It is forgotten.' }],
      async handle({ caller, parameters, note }) {
        const device = await deviceFor(context, caller, parameters.id, 'devices.write');
        if (!(await hostKeys.forget(device.number, parameters.port))) {
          throw notFound(`host key of port ${parameters.port}`);
        }
        note(`port ${parameters.port}`, { device: device.id });
        return {};
      },
    }),
  ];
}
