import type { Part } from '../part.ts';
import { auditEndpoints } from './endpoints.ts';
import { AuditQueries } from './queries.ts';
import { AuditRecorder } from './recorder.ts';

/** The audit log in the store: kept for some time, to be asked for and exported. */
export const auditPart: Part = {
  run(core) {
    const recorder = new AuditRecorder({ ...core, days: core.configuration.auditDays });
    return {
      endpoints: auditEndpoints(new AuditQueries(core.database), core.limits),
      start: () => recorder.start(),
      stop: () => recorder.stop(),
    };
  },
};
