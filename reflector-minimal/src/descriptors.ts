import { readdirSync, readFileSync } from 'node:fs';
import type { Limits } from './limits.ts';

/** For what is no connection: the data file, the audit file, the log, TLS files that are read again. */
const reserve = 64;

/** How many file descriptors this process may open from now on; `null` where the system does not say. */
export function freeDescriptors(): number | null {
  try {
    // Node has raised its soft limit to the hard one.
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? null : Number(limit) - readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
}

/**
 * The bounds with no more connections than there are descriptors for. Beyond them the kernel refuses, and Node closes what
 * comes without telling anybody: within them, the reflector does it and says so. Devices leave users their share.
 */
export function withinDescriptors(limits: Limits, free: number | null): Limits {
  const connections = Math.max(1, Math.min(limits.connections, (free ?? Number.POSITIVE_INFINITY) - reserve));
  if (connections === limits.connections) return limits;
  const share = limits.tunnels / limits.connections;
  const tunnels = Math.max(1, Math.min(limits.tunnels, Math.floor(connections * share)));
  return { ...limits, connections, tunnels };
}

/** The descriptor limit with which a process can have all connections. */
export function descriptorsFor({ connections }: Pick<Limits, 'connections'>): number {
  return connections + 2 * reserve;
}
