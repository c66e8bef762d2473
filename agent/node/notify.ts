import { spawn } from 'node:child_process';

/**
 * Tells the service manager about this process by way of systemd-notify(1): Node has no datagram socket of the local
 * kind. The message comes from that program, so the unit needs `NotifyAccess=all`. Nothing without `NOTIFY_SOCKET`.
 */
export function notify(state: string, environment: NodeJS.ProcessEnv): void {
  if (!environment.NOTIFY_SOCKET) return;
  // Of the rest it needs nothing, and secrets may be in it.
  const { NOTIFY_SOCKET, PATH } = environment;
  const child = spawn('systemd-notify', state.split('\n'), { stdio: 'ignore', env: { NOTIFY_SOCKET, PATH } });
  // Who has set the variable without systemd hears nothing.
  child.on('error', () => undefined).unref();
}
