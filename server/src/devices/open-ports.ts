import type { GrantedPort } from 'rm-reflector/ports';
import type { CallerRights } from '../rights/rights.ts';
import { covers } from '../rights/scope.ts';
import type { FleetDevice } from './fleet-devices.ts';

/** Which ports of a device this caller may open; `web`: those of web interfaces; `null`: all. */
export function openPortsOf(
  caller: Pick<CallerRights, 'grants'>,
  device: Pick<FleetDevice, 'id' | 'uid' | 'domain'>,
): readonly GrantedPort[] | null {
  const open = new Set<GrantedPort>();
  for (const { scope, ports } of caller.grants('devices.open')) {
    if (!covers(scope, device)) continue;
    if (ports === null) return null;
    for (const port of ports) open.add(port);
  }
  return [...open];
}
