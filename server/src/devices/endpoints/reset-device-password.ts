import { Type } from 'typebox';
import { type Caller, type Endpoint, endpoint } from '../../api/endpoint.ts';
import { conflict } from '../../api/problem.ts';
import { agentConfiguration } from '../agent-configuration.ts';
import { type DevicesContext, deviceFor, targetOf } from '../context.ts';
import { agentUrl, newSecret } from '../device-secret.ts';
import { deviceParameters } from '../schemas.ts';

/** `POST /devices/{id}/password`. */
export function resetDevicePassword(context: DevicesContext): Endpoint {
  return endpoint({
    operation: 'resetDevicePassword',
    method: 'POST',
    path: '/devices/{id}/password',
    tag: 'Devices',
    summary: 'Gives a device a new password.',
    description:
      'It is in this reply only. The former password, or certificates, prove the device no more, and its tunnel ends.',
    parameters: deviceParameters,
    body: Type.Object({ digest: Type.Optional(Type.Boolean({ description: 'The agent uses Digest.' })) }),
    needs: 'devices.write',
    replies: [
      {
        status: 200,
        description: 'The new password.',
        schema: Type.Object({
          password: Type.String(),
          configuration: Type.Object(
            {},
            { additionalProperties: true, description: '`/etc/rm-agent.json`.' },
          ),
        }),
      },
    ],
    async handle({ caller, parameters, body, note }) {
      const device = await deviceFor(context, caller, parameters.id, 'devices.write');
      const { password } = await resetPassword(context, caller, device, body.digest);
      note('new password', { device: device.id });
      const credentials = { id: device.id, domain: device.domain, password, digest: body.digest ?? false };
      return { body: { password, configuration: agentConfiguration(credentials, await agentUrl(context)) } };
    },
  });
}

/** Throws a `Problem` when the device is not what it was any more, or the caller may not change it any more. */
export async function resetPassword(
  context: DevicesContext,
  caller: Pick<Caller, 'now'>,
  device: { readonly id: string; readonly uid: string; readonly domain: string },
  digest: boolean | undefined,
): Promise<{ readonly password: string | null }> {
  const { store, clock } = context.core;
  const { password, secrets, keep } = await newSecret(context, device, { digest });
  (await caller.now()).require('devices.write', targetOf(device));
  if (!(await store.devices.setSecrets(device.id, secrets, clock.date(), null, device))) {
    throw conflict(`device ${device.id}: was removed or moved meanwhile`);
  }
  await keep();
  return { password };
}
