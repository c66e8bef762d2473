import { randomUUID } from 'node:crypto';
import { normalizeDeviceId } from 'rm-reflector';
import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import { agentConfiguration } from '../agent-configuration.ts';
import { type DevicesContext, domainForNew } from '../context.ts';
import { agentUrl } from '../device-secret.ts';
import { addDevice } from '../new-device.ts';
import {
  description,
  deviceId,
  deviceSchema,
  domainId,
  name,
  notes,
  properties,
  showDevice,
  tags,
} from '../schemas.ts';
import { changedProperties } from '../user-properties.ts';

/** Asks for the file of the agent in place of the usual reply. */
export const configurationType = 'application/vnd.rm-agent+json';

/** `POST /devices`. */
export function createDevice(context: DevicesContext): Endpoint {
  return endpoint({
    operation: 'createDevice',
    method: 'POST',
    path: '/devices',
    tag: 'Devices',
    summary: 'Adds a device.',
    description: `The password is in this reply only. With \`Accept: ${configurationType}\` the reply is the \`/etc/rm-agent.json\` of the device.`,
    body: Type.Object({
      id: Type.Optional({
        ...deviceId,
        description: 'ID of the device, a part of its host name; by default a random UUID.',
      }),
      domain: Type.Optional({ ...domainId, description: 'By default the first domain of yours.' }),
      name: Type.Optional(name),
      description: Type.Optional(description),
      notes: Type.Optional(notes),
      tags: Type.Optional(tags),
      properties: Type.Optional(properties),
      digest: Type.Optional(Type.Boolean({ description: 'The agent uses Digest.' })),
      certificate: Type.Optional(
        Type.Boolean({
          description: 'The device proves itself by a client certificate and has no password.',
        }),
      ),
    }),
    needs: 'devices.create',
    replies: [
      {
        status: 201,
        description: 'The device, with its password.',
        schema: Type.Object({
          device: deviceSchema,
          password: Type.Union([Type.String(), Type.Null()]),
          configuration: Type.Object(
            {},
            { additionalProperties: true, description: '`/etc/rm-agent.json`.' },
          ),
        }),
      },
      {
        status: 201,
        description: 'The configuration of its agent.',
        type: configurationType,
        schema: Type.Object({}, { additionalProperties: true }),
      },
    ],
    async handle({ caller, body, headers, note }) {
      const { id: named = randomUUID(), domain: ofBody, digest, certificate, ...described } = body;
      if (described.properties) changedProperties({}, described.properties);
      const id = normalizeDeviceId(named) ?? named;
      const domain = await domainForNew(context, caller, ofBody);
      const { password } = await addDevice(
        context,
        caller,
        { id, domain },
        { digest, certificate },
        described,
      );
      note(`domain ${domain}`, { device: id });
      const url = await agentUrl(context);
      const configuration = agentConfiguration(
        { id, domain, password, digest: digest ?? false },
        url,
        certificate,
      );
      const location = { Location: `/my-devices/api/devices/${id}` };
      const device = await context.devices.get(id);
      const version = device?.revision ?? 1;
      if (String(headers.accept ?? '').includes(configurationType)) {
        const text = `${JSON.stringify(configuration, null, 2)}\n`;
        return { status: 201, type: configurationType, body: text, headers: location, version };
      }
      return {
        body: { device: device && showDevice(device, caller), password, configuration },
        headers: location,
        version,
      };
    },
  });
}
