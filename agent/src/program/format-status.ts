import { day } from '../agent/certificate-expiry.ts';
import { portLabel } from '../agent/port-label.ts';
import type { DaemonStatus } from './daemon-status.ts';

/** `rm-agent status` for a person: one `name: value` a line. */
export function formatStatus(status: DaemonStatus, nowMs: number): string {
  const step = status.state === 'connecting' ? ` (${status.link})` : '';
  const lines: [string, string][] = [
    ['state', `${status.state}${step} for ${duration(nowMs - status.since)}`],
    ['reflector', status.reflector],
  ];
  if (status.connectedTo !== null && status.connectedTo !== status.reflector)
    lines.push(['connected to', status.connectedTo]);
  if (status.proxy !== null) lines.push(['proxy', status.proxy]);
  const { lastError, lastFailure } = status;
  const before = lastFailure ? ` (${duration(nowMs - lastFailure.at)} ago: ${lastFailure.reason})` : '';
  lines.push(['last error', lastError ?? `none${before}`]);
  if (status.code) lines.push(['code', `${status.code}, for the operator of the server`]);
  if (status.nextAttemptAt !== null)
    lines.push(['next attempt', `in ${duration(status.nextAttemptAt - nowMs)}`]);
  if (status.keepAliveMs !== null) lines.push(['keep-alive', `every ${duration(status.keepAliveMs)}`]);
  const { certificateDays: days, certificateExpiresAt: end } = status;
  if (days !== null && end !== null) {
    lines.push(['certificate', `${days < 0 ? 'has expired' : `${days} days left`}, ${day(end)}`]);
  }
  const { openUntil, mqtt } = status;
  if (openUntil !== undefined)
    lines.push(['on demand', openUntil === null ? 'closed' : `open for ${duration(openUntil - nowMs)}`]);
  if (mqtt) lines.push(['MQTT', mqtt.connected ? 'connected' : (mqtt.lastError ?? 'not connected')]);
  const { waiting, sessions } = status.access;
  for (const { port, name, channels, until } of waiting) {
    const left = duration(until - nowMs);
    lines.push([
      'consent',
      `${portLabel(port, name)}: waits for "rm-agent consent", ${left} left, ${channels} waiting`,
    ]);
  }
  for (const { port, name, result } of status.services) {
    const when = result && `${duration(nowMs - result.at)} ago`;
    const what = !result ? 'not used yet' : result.ok ? `worked ${when}` : `${result.reason}, ${when}`;
    lines.push(['service', `${portLabel(port, name)}: ${what}`]);
  }
  if (sessions > 0) lines.push(['consent', 'given']);
  lines.push(
    ['channels', String(status.channels)],
    ['connected', `${status.connects} ${status.connects === 1 ? 'time' : 'times'}`],
    ['bytes', `${status.received} received, ${status.sent} sent`],
    ['memory', `${Math.round(status.residentMemory / 1024)} KiB resident`],
    ['version', status.version],
  );
  if (status.persisted) lines.push(['next start', status.persisted]);
  return lines.map(([name, value]) => `${`${name}:`.padEnd(14)}${value}\n`).join('');
}

/** Seconds, minutes, hours or days: the largest two that count. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}
