import { asciiLowerCase } from '../ascii-case.ts';

/** What a device id may be: it becomes a label of a host name (RFC 1123 section 2.1, and `_`). */
const deviceIdPattern = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;

/** The id in its stored form: host names have no case; `null` when it cannot be one. */
export function normalizeDeviceId(id: string): string | null {
  const lower = asciiLowerCase(id);
  return deviceIdPattern.test(lower) ? lower : null;
}
