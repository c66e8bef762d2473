import { isTold } from 'rm-reflector/ports';
import type { Core, Part } from '../part.ts';
import { Calendar } from './calendar.ts';
import { devicesContext } from './context.ts';
import { deviceEndpoints } from './endpoints/index.ts';
import { getDefaultDomain } from './original/default-domain.ts';
import { provisionRoute } from './original/provision.ts';
import { QuotaGuard } from './quota-guard.ts';

/** Devices, domains and quotas. */
export const devices: Part = {
  run(core: Core) {
    const { database, presence, clock, limits, log, isNode } = core;
    const failed = (error: unknown) => {
      if (!isTold(error)) log.error({ err: error }, 'quotas not checked');
    };
    const calendar = new Calendar(database, clock, limits, failed);
    const guard = new QuotaGuard({ database, presence, clock, limits, failed, isNode });
    const context = devicesContext(core);
    return {
      endpoints: [...deviceEndpoints(context), getDefaultDomain(context)],
      routes: [provisionRoute(context)],
      admitDevice: (arriving) => guard.admit(arriving),
      start() {
        calendar.start();
        guard.start();
      },
      async stop() {
        await guard.stop();
        await calendar.stop();
      },
    };
  },
};
