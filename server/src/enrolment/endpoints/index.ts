import type { Endpoint } from '../../api/endpoint.ts';
import type { EnrolmentContext } from '../context.ts';
import { enroll } from './enroll.ts';
import { acceptEnrolment, listEnrolments, refuseEnrolment } from './enrolments.ts';
import { createEnrolmentKey, listEnrolmentKeys, revokeEnrolmentKey } from './keys.ts';
import { getEnrolmentAuthority, revokeDeviceEnrolment } from './revocation.ts';

export function enrolmentEndpoints(context: EnrolmentContext): Endpoint[] {
  return [
    enroll(context),
    listEnrolmentKeys(context),
    createEnrolmentKey(context),
    revokeEnrolmentKey(context),
    listEnrolments(context),
    acceptEnrolment(context),
    refuseEnrolment(context),
    revokeDeviceEnrolment(context),
    getEnrolmentAuthority(context),
  ];
}
