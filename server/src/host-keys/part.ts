import { devicesContext } from '../devices/context.ts';
import type { Part } from '../part.ts';
import { hostKeyEndpoints } from './endpoints.ts';
import { HostKeys } from './host-keys.ts';

/** SSH host keys of devices. */
export const hostKeysPart: Part = {
  run: (core) => ({ endpoints: hostKeyEndpoints(devicesContext(core), new HostKeys(core.database)) }),
};
