import { isIP } from 'node:net';

/** Where a request is meant to go, by its `Host`. */
export type Destination =
  | { readonly kind: 'reflector' }
  | { readonly kind: 'device'; readonly label: string }
  /** The one host on which each user has the device of their choice. */
  | { readonly kind: 'shared' }
  /** The host of pages that are kept apart from those of the reflector: another origin, without its cookies. */
  | { readonly kind: 'apart' }
  | { readonly kind: 'unknown' };

/**
 * The host of an authority (`host[:port]`, RFC 9110 section 7.2) in lower case, an IPv6 literal without brackets; empty for
 * anything that is not an authority. Only plain DNS names are accepted: the device could read percent-encoding, user
 * information or a list as another host.
 */
export function hostOf(authority: string): string {
  if (authority.length > maxAuthority) return '';
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)\.?)(?::(\d{0,5}))?$/i.exec(
    authority,
  );
  if (!match || Number(match[3] ?? 0) > 65535) return '';
  return (match[1] ?? match[2] ?? '').toLowerCase();
}

/** 253 characters of a name (RFC 1035), a dot, and `:65535`. */
const maxAuthority = 260;

/** The `:port` of an authority, or an empty string. */
export function portSuffix(authority: string): string {
  return /:\d+$/.exec(authority)?.[0] ?? '';
}

/** The label of the host of pages that are kept apart. */
export const apartLabel = 'desk';

/** Labels of the domain that are no devices. Users and agents of the original may be set to `reflector` and `www`. */
export const reservedLabels: ReadonlySet<string> = new Set([apartLabel, 'reflector', 'www']);

/** Most names need no close look: an address ends with a digit or has a colon. */
function isAddress(host: string): boolean {
  return /\d$|:/.test(host) && isIP(host) !== 0;
}

/**
 * `<label>.<domain>` is a device. The domain and its reserved labels are the reflector, one of them for pages that are kept
 * apart; and so are IP addresses and `localhost`, unless they are the `cookieHost`: DNS rebinding, which needs a name, cannot misuse them.
 */
export function destinationOf(
  authority: string,
  { domain, cookieHost }: { readonly domain: string; readonly cookieHost: string | null },
): Destination {
  const host = hostOf(authority);
  if (host === cookieHost) return { kind: 'shared' };
  if (host === domain || host === 'localhost' || isAddress(host)) return { kind: 'reflector' };
  if (host.endsWith(`.${domain}`)) {
    const label = host.slice(0, -domain.length - 1);
    if (label === apartLabel) return { kind: 'apart' };
    if (reservedLabels.has(label)) return { kind: 'reflector' };
    if (!label.includes('.')) return { kind: 'device', label };
  }
  return { kind: 'unknown' };
}
