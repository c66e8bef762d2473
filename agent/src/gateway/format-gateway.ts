import { printable } from 'rm-protocol';
import { duration } from '../program/format-status.ts';
import type { GatewayStatus } from './gateway.ts';

/** `rm-agent status` of a gateway: one line for each device, and what is wrong with others. */
export function formatGateway(
  { devices, faults, residentMemory, version, since, pageListen, pageCode }: GatewayStatus,
  nowMs: number,
): string {
  const connected = devices.filter(({ state }) => state === 'connected').length;
  const width = Math.max(0, ...devices.map(({ id }) => id.length)) + 2;
  const lines = devices.map(({ id, target, state, since: at, lastError, channels, reachability }) => {
    const there =
      reachability === null
        ? 'not asked yet'
        : reachability.ok
          ? 'reachable'
          : `NOT reachable: ${reachability.reason}`;
    const use = channels === 0 ? '' : `, ${channels} channels`;
    const why = lastError === null ? '' : ` (${lastError})`;
    return `${id.padEnd(width)}${state} for ${duration(nowMs - at)}${use}; ${target} ${there}${why}\n`;
  });
  const place = (at: NonNullable<GatewayStatus['pageListen']>) =>
    at.fault === null
      ? `on ${at.address} port ${at.port}, without TLS`
      : `NOT on ${at.address} port ${at.port}: ${at.fault}`;
  const more = faults.map((fault) => `wrong:        ${printable(fault)}\n`);
  return [
    `gateway:      ${connected} of ${devices.length} devices connected, runs for ${duration(nowMs - since)}\n`,
    ...lines,
    ...more,
    ...(pageListen === undefined ? [] : [`page:         ${place(pageListen)}\n`]),
    ...(pageCode === undefined ? [] : [`page:         no password yet; set one with the code ${pageCode}\n`]),
    `memory:       ${Math.round(residentMemory / 1024)} KiB resident\n`,
    `version:      ${version}\n`,
  ].join('');
}
