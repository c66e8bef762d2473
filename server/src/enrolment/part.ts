import { CallRate } from '../api/call-rate.ts';
import { devicesContext } from '../devices/context.ts';
import type { Core, Part } from '../part.ts';
import { Authority } from './authority.ts';
import { enrolmentEndpoints } from './endpoints/index.ts';
import { EnrolmentKeys } from './enrolment-keys.ts';
import { Enrolments } from './enrolments.ts';
import { Exchange } from './exchange.ts';

/** Devices that enrol by themselves: with a key, or by a code that a person enters. */
export const enrolment: Part = {
  run(core: Core) {
    const { database, clock, limits, store } = core;
    const keys = new EnrolmentKeys(database);
    const enrolments = new Enrolments(database, limits);
    let opened: Promise<Authority> | null = null;
    const authority = () => {
      opened ??= Authority.open(store.settings, clock.date()).catch((error) => {
        opened = null;
        throw error;
      });
      return opened;
    };
    const { enrolmentsBurst: callsBurst, enrolmentMs: callMs, enrolmentNetworks: callers } = limits;
    return {
      endpoints: enrolmentEndpoints({
        ...devicesContext(core),
        keys,
        enrolments,
        authority,
        exchange: new Exchange(core, keys, enrolments, authority),
        rate: new CallRate(clock, { callsBurst, callMs, callers }),
      }),
    };
  },
};
