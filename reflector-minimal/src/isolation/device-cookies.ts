import { trimBlanks } from '../blanks.ts';
import type { RawHeaders } from '../http/headers.ts';
import { cookieNames } from '../sessions/cookies.ts';
import { isKeptByBrowsers } from './kept-by-browsers.ts';

/*
 * Cookies between browser and device. Browsers split `Cookie` and `Set-Cookie` only at semicolons and ignore quotes (RFC 6265
 * sections 5.2 and 5.4), and so do we. Otherwise a device's page could open a quote in its own cookie and hide ours in it.
 */

const ours = new Set([...cookieNames].map((name) => name.toLowerCase()));

/**
 * Whether this text is, or would come back as, a cookie of ours. Browsers send a cookie without a name as its bare value, so
 * `=rm-session=x` comes back as `rm-session=x`. Some ignore the case of prefixes.
 */
function isOurs(pair: string): boolean {
  const text = pair.trim().replace(/^[=\s]+/, '');
  return ours.has((text.split('=', 1)[0] ?? '').trimEnd().toLowerCase());
}

/** A `Cookie` line for the device, without what is ours; `null` when nothing is left. */
export function cookiesForDevice(line: string): string | null {
  const parts = line.split(';');
  // Old servers also split at commas (RFC 2109).
  const kept = parts.filter((part) => !part.split(',').some(isOurs));
  if (kept.length === parts.length) return line;
  return trimBlanks(kept.join(';')) || null;
}

/**
 * A device's `Set-Cookie` line, limited to its own host: without `Domain`, which would send the cookie to all other devices
 * and to the reflector. `null` for a cookie of ours. On a shared host it gets the path `/`, so that it can be seen and
 * removed when another device is chosen.
 */
export function cookieFromDevice(line: string, shared = false): string | null {
  const [pair = '', ...attributes] = line.split(';');
  if (isOurs(pair)) return null;
  const pattern = shared ? domainOrPath : domain;
  const kept = attributes.filter((attribute) => !pattern.test(attribute));
  if (shared) kept.push(' Path=/');
  return kept.length === attributes.length && !shared ? line : [pair, ...kept].join(';');
}

const domain = /^\s*domain\s*(?:=|$)/i;
const domainOrPath = /^\s*(?:domain|path)\s*(?:=|$)/i;

/**
 * A device's `Clear-Site-Data` without `cookies`, which browsers apply to the whole registrable domain: one device would log
 * its user out everywhere. The other types affect only its own origin. `null` when nothing is left.
 */
export function siteDataToClear(value: string): string | null {
  const types = value.split(',').map((type) => type.trim());
  const kept = types.flatMap((type) => (type === '"*"' ? ['"cache"', '"storage"'] : [type]));
  return kept.filter((type) => !/^"?cookies"?$/i.test(type) && type !== '').join(', ') || null;
}

/** The lines of a request for the device, without cookies of ours. */
export function withoutOurCookies(headers: RawHeaders): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    const isCookie = name.length === 6 && name.toLowerCase() === 'cookie';
    const passed = isCookie ? cookiesForDevice(value) : value;
    if (passed !== null) kept.push(name, passed);
  }
  return kept;
}

/**
 * The lines of a device's response that have no effect beyond its own host or, on a shared host, on other devices.
 */
export function withinItsHost(headers: RawHeaders, shared: boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    const lower = name.toLowerCase();
    let passed: string | null = value;
    if (lower === 'set-cookie') passed = cookieFromDevice(value, shared);
    else if (isKeptByBrowsers(lower, shared)) passed = null;
    else if (lower === 'clear-site-data') passed = siteDataToClear(value);
    if (passed !== null) kept.push(name, passed);
  }
  return kept;
}
