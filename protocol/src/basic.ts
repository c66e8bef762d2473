import { base64Decode, base64Encode } from './base64.ts';
import { utf8DecodeStrict, utf8Encode } from './text.ts';

/** A user name (without `:`) and a password. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** `Basic` credentials for an `Authorization` header (RFC 7617, in UTF-8). */
export function encodeBasic({ user, password }: Credentials): string {
  return `Basic ${base64Encode(utf8Encode(`${user}:${password}`))}`;
}

/** The reverse of {@link encodeBasic}; `null` when the header is of another scheme or cannot be read. */
export function decodeBasic(header: string): Credentials | null {
  const token = /^basic +([^ ]+) *$/i.exec(header)?.[1];
  const bytes = token === undefined ? null : base64Decode(token);
  const text = bytes && utf8DecodeStrict(bytes);
  if (!text) return null;
  const colon = text.indexOf(':');
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The user name of a device: `<deviceId>@<domain>` (`webtunnel.md` section 1). */
export function deviceUser(deviceId: string, domain: string): string {
  return `${deviceId}@${domain}`;
}

/** The reverse of {@link deviceUser}; `null` without exactly one `@` between two parts. */
export function splitDeviceUser(user: string): { deviceId: string; domain: string } | null {
  const parts = user.split('@');
  const [deviceId, domain] = parts;
  return parts.length === 2 && deviceId && domain ? { deviceId, domain } : null;
}
