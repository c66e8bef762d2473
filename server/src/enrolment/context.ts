import type { CallRate } from '../api/call-rate.ts';
import type { DevicesContext } from '../devices/context.ts';
import type { Authority } from './authority.ts';
import type { EnrolmentKeys } from './enrolment-keys.ts';
import type { Enrolments } from './enrolments.ts';
import type { Exchange } from './exchange.ts';

/** What the endpoints of enrolment share. */
export interface EnrolmentContext extends DevicesContext {
  readonly keys: EnrolmentKeys;
  readonly enrolments: Enrolments;
  readonly exchange: Exchange;
  readonly authority: () => Promise<Authority>;
  /** Of requests for enrolment, by network. */
  readonly rate: CallRate;
}
