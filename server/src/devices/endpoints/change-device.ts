import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import {
  checkDomain,
  type DevicesContext,
  disconnectAfterChange,
  domainTarget,
  heldDeviceFor,
} from '../context.ts';
import { deviceQuotaProblem } from '../quota-guard.ts';
import {
  description,
  deviceParameters,
  deviceSchema,
  domainId,
  name,
  notes,
  propertyChanges,
  showDevice,
  tags,
} from '../schemas.ts';
import { changedProperties } from '../user-properties.ts';

/** `PATCH /devices/{id}`. */
export function changeDevice(context: DevicesContext): Endpoint {
  return endpoint({
    operation: 'changeDevice',
    method: 'PATCH',
    path: '/devices/{id}',
    tag: 'Devices',
    summary: 'Changes a device.',
    description:
      'What is left out stays. The agent logs in as ID@DOMAIN: a device in another domain is disconnected and comes back once its configuration names that domain.',
    parameters: deviceParameters,
    body: Type.Object({
      name: Type.Optional(Type.Union([name, Type.Null()])),
      description: Type.Optional(description),
      notes: Type.Optional(notes),
      tags: Type.Optional(tags),
      domain: Type.Optional(domainId),
      properties: Type.Optional(propertyChanges),
    }),
    conditional: true,
    needs: 'devices.write',
    replies: [{ status: 200, description: 'The device as it is now.', schema: deviceSchema }],
    async handle({ caller, parameters, body, checkVersion, note }) {
      const { core, devices } = context;
      const changed = await core.database.transact(function* () {
        const device = yield* heldDeviceFor(context, caller, parameters.id, 'devices.write');
        checkVersion(device.revision);
        const { properties, domain, ...others } = body;
        const moves = domain !== undefined && domain !== device.domain;
        if (moves) {
          // It leaves the one domain for good: whoever may change one device for a day does not keep it so.
          caller.require('devices.create', domainTarget(device.domain));
          yield* checkDomain(context, caller, domain);
          const problem = yield* deviceQuotaProblem(domain);
          if (problem) throw problem;
        }
        yield* devices.change(device, {
          ...others,
          properties: properties && changedProperties(device.userProperties, properties),
          domain: moves ? { id: domain, time: core.clock.date() } : undefined,
        });
        return { device, moves };
      });
      const { device, moves } = changed;
      note(Object.keys(body).join(', '), { device: device.id });
      if (moves) {
        const reason = `the domain of this device is ${body.domain} now`;
        await disconnectAfterChange(context, device, { cause: 'refused', reason });
      }
      const present = (await devices.get(device.id)) ?? device;
      return { body: showDevice(present, caller), version: present.revision };
    },
  });
}
