import { isIP } from 'node:net';
import type { HttpUri } from 'rm-protocol';
import { ExitStatus, Failure } from '../failure.ts';

/** The form of a device id: it becomes a label of a host name (RFC 1123 section 2.1, and `_`). */
const deviceIdPattern = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;

/** Throws a {@link Failure} if this is no device id. */
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

/**
 * Splits `LOGIN@DEVICE`; the login keeps its `@` and may be empty. Throws a {@link Failure} for a login that a program
 * could read as an option or the shell of a `ProxyCommand` as a command. As strict as `valid_ruser` in OpenSSH's `ssh.c`,
 * which only exists since version 9.6.
 */
export function splitLogin(destination: string): [login: string, device: string] {
  const at = destination.lastIndexOf('@') + 1;
  const login = destination.slice(0, at);
  const name = login.slice(0, -1);
  if (at > 0 && (name === '' || /^-|[\s\x00-\x1f\x7f'"`$;&<>|(){}]|\\$/.test(name))) {
    throw new Failure(`user name "${name}": not one that a program can be given`, ExitStatus.usage);
  }
  return [login, destination.slice(at)];
}

/** Throws a {@link Failure} if this is no IP address. */
export function readAddress(text: string, option: string): string {
  if (isIP(text) === 0) {
    throw new Failure(`${option} ${text}: must be an IP address of this machine`, ExitStatus.usage);
  }
  return text;
}

/** Throws a {@link Failure} if this is no port number, or less than `least`. */
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
