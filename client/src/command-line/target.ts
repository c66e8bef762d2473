import { isIP } from 'node:net';
import type { HttpUri } from 'rm-agent/protocol';
import { ExitStatus, Failure } from '../failure.ts';

/** What a device id may be: it becomes a label of a host name (RFC 1123 section 2.1, and `_`). */
const deviceIdPattern = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;

/** Throws a {@link Failure} for what cannot be the id of a device. */
export function readDevice(text: string, reflector: HttpUri): string {
  const device = text.toLowerCase();
  if (!deviceIdPattern.test(device)) {
    throw new Failure(`device "${text}": must be 1 to 63 letters, digits, "-" and "_"`, ExitStatus.usage);
  }
  if (isIP(reflector.host) !== 0) {
    throw new Failure(
      `reflector ${reflector.host}: must be a name, since ${device}.NAME is the address of the device`,
      ExitStatus.usage,
    );
  }
  return device;
}

/** Throws a {@link Failure} for what is no port from `least` on. */
export function readPort(text: string | undefined, option: string, least: 0 | 1 = 1): number {
  const port = /^\d{1,5}$/.test(text ?? '') ? Number(text) : -1;
  if (port < least || port > 65535) {
    throw new Failure(
      `${option} ${text ?? ''}: must be a port number from ${least} to 65535`,
      ExitStatus.usage,
    );
  }
  return port;
}
