import { deviceSecrets, generatePassword } from 'rm-reflector';
import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import { conflict, notFound } from '../../api/problem.ts';
import { deviceFor, targetOf } from '../../devices/context.ts';
import { deviceParameters } from '../../devices/schemas.ts';
import type { EnrolmentContext } from '../context.ts';

/** `DELETE /devices/{id}/enrolment`. */
export function revokeDeviceEnrolment(context: EnrolmentContext): Endpoint {
  return endpoint({
    operation: 'revokeDeviceEnrolment',
    method: 'DELETE',
    path: '/devices/{id}/enrolment',
    tag: 'Enrolment',
    summary: 'Revokes what a device has got by its enrolment.',
    description:
      'Its password or its certificates prove it no more, and its tunnel ends. When it comes again, somebody must accept it.',
    parameters: deviceParameters,
    needs: 'enrolment.write',
    replies: [{ status: 204, description: 'It is revoked.' }],
    async handle({ caller, parameters, note }) {
      const { id, uid, domain } = await deviceFor(context, caller, parameters.id, 'enrolment.write');
      const { core, enrolments } = context;
      const secrets = await deviceSecrets(id, domain, generatePassword(), false, 'generated');
      (await caller.now()).require('enrolment.write', targetOf({ id, uid, domain }));
      if (!(await enrolments.isKnown(uid))) throw notFound(`enrolment of device ${id}`);
      const only = { uid, domain };
      if (!(await core.store.devices.setSecrets(id, secrets, core.clock.date(), null, only))) {
        throw conflict(`device ${id}: was removed or moved meanwhile`);
      }
      // Last: while it is there, a call that has failed can be made again.
      await enrolments.forget(uid);
      note('revoked', { device: id });
      return {};
    },
  });
}

/** `GET /enrolment-authority`. */
export function getEnrolmentAuthority({ authority }: EnrolmentContext): Endpoint {
  return endpoint({
    operation: 'getEnrolmentAuthority',
    method: 'GET',
    path: '/enrolment-authority',
    tag: 'Enrolment',
    summary: 'Shows the certificate of the authority that signs those of devices.',
    description: 'Add it to the file of `clientCa`, so that the server accepts them.',
    needs: 'enrolment.write',
    replies: [{ status: 200, description: 'PEM.', type: 'application/x-pem-file', schema: Type.String() }],
    async handle() {
      return { body: (await authority()).pem };
    },
  });
}
