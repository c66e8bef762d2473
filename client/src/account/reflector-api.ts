import { hostHeader } from 'rm-protocol';
import type { Route } from '../connection/dial.ts';
import { type Answer, exchange } from '../connection/exchange.ts';
import { proxyFault } from '../connection/proxy-fault.ts';
import { Failure } from '../failure.ts';
import { type Authorization, asksForOneTimePassword, refusedReason } from './authorization.ts';

export interface Token {
  readonly token: string;
  /** Epoch seconds. */
  readonly expires: number;
}

/** A device as the reflector lists it. */
export interface ListedDevice {
  readonly id: string;
  readonly online: boolean;
  /** Epoch seconds at which it was last online; `null`: never, or it is now. */
  readonly lastSeen: number | null;
  readonly ports: readonly number[];
  readonly name: string | null;
  readonly version: string | null;
}

/** A device with the ports of its services. */
export interface DeviceDetails extends ListedDevice {
  /** The port of its first service of each kind; `null`: it has none. */
  readonly sshPort: number | null;
  readonly vncPort: number | null;
  readonly rdpPort: number | null;
}

const devicesPath = '/my-devices/api/devices';
const tokenPath = '/my-devices/api/token';

/** The log-in also needs a one-time password (RFC 6238). */
export class OneTimePasswordNeeded extends Error {
  override readonly name = 'OneTimePasswordNeeded';
}

/**
 * A token for a user's password (`webtunnel.md` section 4). Rejects with {@link OneTimePasswordNeeded} if `totp` is
 * missing and needed, or with a {@link Failure}.
 */
export async function requestToken(
  route: Route,
  { user, password, totp }: { readonly user: string; readonly password: string; readonly totp?: string },
): Promise<Token> {
  const form = new URLSearchParams({
    username: user,
    password,
    application: 'rm-client',
    ...(totp === undefined ? {} : { totp }),
  });
  const answer = await exchange(route, tokenPath, {
    method: 'POST',
    body: form.toString(),
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  });
  const where = hostHeader(route.reflector);
  if (answer.status === 401) {
    if (asksForOneTimePassword(challengeOf(answer)) && totp === undefined) {
      throw new OneTimePasswordNeeded();
    }
    const which =
      totp === undefined ? 'wrong user name or password' : 'wrong user name, password or one-time password';
    throw new Failure(`${where}: ${which}`);
  }
  if (answer.status === 404) throw new Failure(`${where}: gives no tokens; is it a reflector?`);
  const value = read(answer, where, tokenPath) as Partial<Token> | null;
  if (
    typeof value?.token !== 'string' ||
    !/^[\x21-\x7e]+$/.test(value.token) ||
    typeof value.expires !== 'number'
  ) {
    throw new Failure(`${where}: the answer holds no token`);
  }
  return { token: value.token, expires: value.expires };
}

/**
 * Revokes a token at the reflector. Returns false if the reflector cannot; the token then remains valid until it expires.
 * Rejects with a {@link Failure}.
 */
export async function revokeToken(route: Route, token: string): Promise<boolean> {
  const { status } = await exchange(route, tokenPath, {
    method: 'DELETE',
    headers: { Authorization: `Bearer ${token}` },
  });
  // 401: it is already invalid.
  return status === 204 || status === 200 || status === 401;
}

/** All devices this user may see. Rejects with a {@link Failure}. */
export async function listDevices(
  route: Route,
  authorization: Authorization,
): Promise<readonly ListedDevice[]> {
  const devices: ListedDevice[] = [];
  for (let path: string | null = devicesPath; path !== null; ) {
    const { answer, where } = await ask(route, authorization, path);
    if (answer.status === 404) throw new Failure(`${where}: this reflector does not list its devices`);
    const value = read(answer, where, devicesPath) as PageOfDevices | null;
    // rm-server calls them `items`, and where to go on a cursor.
    const page: unknown = value?.devices ?? value?.items;
    if (!Array.isArray(page)) throw new Failure(`${where}: the answer holds no devices`);
    const found = page.map(readDevice);
    // IDs are sorted: a page that does not continue after the last ID would repeat for ever.
    const last: string = devices.at(-1)?.id ?? '';
    if (found.some(({ id }) => id <= last)) throw new Failure(`${where}: its list of devices has no order`);
    devices.push(...found);
    path = found.length > 0 ? nextPath(value) : null;
  }
  return devices;
}

interface PageOfDevices {
  readonly devices?: unknown;
  readonly items?: unknown;
  readonly next?: unknown;
}

function nextPath(page: PageOfDevices | null): string | null {
  if (typeof page?.next !== 'string') return null;
  const parameter = page.devices === undefined ? 'cursor' : 'after';
  return `${devicesPath}?${parameter}=${encodeURIComponent(page.next)}`;
}

/**
 * One device; `null`: the reflector cannot describe a single one. Rejects with a {@link Failure}, also if the device does
 * not exist or the user may not see it.
 */
export async function describeDevice(
  route: Route,
  authorization: Authorization,
  id: string,
): Promise<DeviceDetails | null> {
  const path = `${devicesPath}/${id}`;
  const { answer, where } = await ask(route, authorization, path);
  const { status, headers } = answer;
  if (status === 404 && /\bno device\b/i.test(String(headers['x-ptth-error'] ?? ''))) {
    throw new Failure(`${where}: ${headers['x-ptth-error']}`);
  }
  // A body without ports comes from another reflector, such as the original.
  if (status === 403 || status === 404 || status === 405) return null;
  const value = Object(read(answer, where, path)) as Record<string, unknown>;
  if (!Array.isArray(value.ports)) return null;
  return {
    ...readDevice(value),
    sshPort: readPort(value.sshPort),
    vncPort: readPort(value.vncPort),
    rdpPort: readPort(value.rdpPort),
  };
}

function readPort(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535 ? value : null;
}

async function ask(
  route: Route,
  authorization: Authorization,
  path: string,
): Promise<{ readonly answer: Answer; readonly where: string }> {
  const answer = await exchange(route, path, {
    method: 'GET',
    headers: { Authorization: authorization.header },
  });
  const where = hostHeader(route.reflector);
  if (answer.status === 401)
    throw new Failure(`${where}: ${refusedReason(challengeOf(answer), authorization)}`);
  return { answer, where };
}

function challengeOf({ headers }: Answer): string | undefined {
  const value = headers['x-authenticate'];
  return value === undefined ? undefined : String(value);
}

function readDevice(value: unknown): ListedDevice {
  const { id, online, lastSeen, ports, name, version } = Object(value) as Record<string, unknown>;
  const text = (field: unknown) => (typeof field === 'string' && field !== '' ? field : null);
  return {
    id: String(id),
    online: online === true,
    lastSeen: readTime(lastSeen),
    ports: Array.isArray(ports) ? ports.filter((port): port is number => typeof port === 'number') : [],
    name: text(name),
    version: text(version),
  };
}

/** Epoch seconds, or RFC 3339. */
function readTime(value: unknown): number | null {
  if (typeof value === 'number') return value;
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : Math.floor(ms / 1000);
}

function headerText(value: string | readonly string[] | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

function read({ status, headers, text }: Answer, where: string, path: string): unknown {
  if (status !== 200) {
    const said = headers['x-ptth-error'] ?? proxyFault(status, (name) => headerText(headers[name]));
    throw new Failure(`${where}: ${said ?? `${path} was answered with ${status}`}`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Failure(`${where}: the answer to ${path} is not JSON`);
  }
}
