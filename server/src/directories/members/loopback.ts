import { isIP } from 'node:net';

/** Whether a host of an address is this machine: what goes there is on no network. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '[::1]') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
