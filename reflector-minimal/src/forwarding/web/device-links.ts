import { trimBlanks } from '../../blanks.ts';
import type { ServiceSettings } from '../../devices/service-settings.ts';
import { hostOf, portSuffix } from '../../http/host-names.ts';
import type { Origin } from '../../http/origin.ts';

/** The device as one user sees it, for links in the head of its answers. */
export interface DeviceSite {
  readonly id: string;
  /** The domain of which the device is a label. */
  readonly domain: string;
  /** The port of the device that was asked. */
  readonly port: number;
  /** All ports that it forwards, and the one of its web interface. */
  readonly ports: readonly number[];
  readonly httpPort: number | null;
  readonly settingsOf: (port: number) => ServiceSettings;
  /** How the user has asked. */
  readonly origin: Pick<Origin, 'protocol' | 'authority'>;
  /** On a host that devices share, where no other port can be chosen. */
  readonly shared: boolean;
}

/** A link with a host, as the device has written it. */
interface WebLink {
  readonly scheme: 'http' | 'https';
  readonly authority: string;
  /** In lower case. */
  readonly host: string;
  /** The port that it names or means. */
  readonly port: number;
  readonly explicit: boolean;
  /** From the path on. */
  readonly rest: string;
}

/**
 * A link of the device for the user. One that leads to an address of the device itself leads to where the user can reach
 * it; any other stays as it is.
 */
export function linkForUser(site: DeviceSite, link: string): string {
  const parsed = webLink(site, link);
  if (parsed === null) return link;
  const port = forwardedPort(site, parsed);
  if (port === undefined) return link;
  return site.shared && port !== site.port ? link : `${originOf(site, port)}${parsed.rest}`;
}

/**
 * The authority of a link to an address of a private network (RFC 1918, RFC 4193) that is unknown to us. A service on the
 * machine of the agent may mean itself by it.
 */
export function unknownPrivateAuthority(site: DeviceSite, link: string): string | null {
  const parsed = webLink(site, link);
  if (parsed === null || !isPrivateAddress(parsed.host) || targetOf(site, parsed.host) !== undefined)
    return null;
  const { target } = site.settingsOf(site.port);
  return target === null || isLoopbackHost(target) ? parsed.authority : null;
}

const linkFields = new Set(['content-location', 'location']);

/** The head of a device's answer with links that the user can follow. */
export function linksForUser(site: DeviceSite, headers: readonly string[]): string[] {
  const result = [...headers];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    const value = headers[i + 1] ?? '';
    if (linkFields.has(name)) result[i + 1] = linkForUser(site, value);
    else if (name === 'refresh') result[i + 1] = refreshForUser(site, value);
  }
  return result;
}

/** `5; url=http://device/`, quoted or not, as browsers take it (HTML, "shared declarative refresh steps"). */
function refreshForUser(site: DeviceSite, value: string): string {
  const match = /^([\d.]*\s*[;,]\s*url\s*=\s*["']?)([^"'\s]+)(.*)$/is.exec(value);
  return match ? `${match[1]}${linkForUser(site, match[2] ?? '')}${match[3]}` : value;
}

/** Why a redirect would lead the user's browser in a loop. */
export type RedirectLoop =
  /** The service insists on TLS, or on none, on a port of the device that is not forwarded. */
  | { readonly kind: 'https' | 'http'; readonly port: number }
  /** The service insists on another host name. */
  | { readonly kind: 'host'; readonly host: string };

/**
 * For a redirect that would lead the user to the same page again: the location at the service that it means, if the device
 * forwards that, or why it leads in a loop. `null`: it leads elsewhere.
 */
export function redirectLoop(
  site: DeviceSite,
  request: { readonly method: string; readonly url: string; readonly cookies: boolean },
  answer: { readonly status: number; readonly location: string; readonly setsCookie: boolean },
): RedirectLoop | { readonly location: string } | null {
  if (answer.status < 300 || answer.status > 399 || !/^(?:GET|HEAD)$/.test(request.method)) return null;
  // It tests whether the browser keeps cookies; the next response will be another one.
  if (answer.setsCookie && !request.cookies) return null;
  const link = webLink(site, answer.location);
  if (link === null || pathOf(link) !== request.url) return null;
  const target = targetOf(site, link.host);
  const settings = site.settingsOf(site.port);
  const leadsTo = forwardedPort(site, link);
  if (target === undefined || !sameTarget(target, settings.target)) return null;
  if (leadsTo !== undefined && leadsTo !== site.port) return null;
  const scheme = settings.tls ? 'https' : 'http';
  if (link.scheme !== scheme) {
    // The port of our own host is not one of the device's.
    const ours = link.authority.toLowerCase() === site.origin.authority.toLowerCase();
    const standard = link.scheme === 'https' ? 443 : 80;
    const wanted = ours || link.port === site.port ? standard : link.port;
    const other = site.ports.find((port) => {
      const { tls, targetPort, target: where } = site.settingsOf(port);
      return (
        (targetPort ?? port) === wanted &&
        tls === (link.scheme === 'https') &&
        sameTarget(where, settings.target)
      );
    });
    return other === undefined || site.shared
      ? { kind: link.scheme, port: wanted }
      : { location: `${originOf(site, other)}${link.rest}` };
  }
  if (leadsTo === undefined) return null;
  const asked = hostOf(settings.host ?? site.origin.authority);
  return link.host === asked ? null : { kind: 'host', host: link.authority };
}

function pathOf({ rest }: WebLink): string {
  const path = rest.split('#', 1)[0] ?? '';
  return path.startsWith('/') ? path : `/${path}`;
}

function ourOrigin({ origin }: DeviceSite): string {
  return `${origin.protocol}://${origin.authority}`;
}

/** Where the user reaches another port of the device. */
function originOf(site: DeviceSite, port: number): string {
  if (port === site.port) return ourOrigin(site);
  const label = port === site.httpPort ? site.id : `${site.id}-${port}`;
  return `${site.origin.protocol}://${label}.${site.domain}${portSuffix(site.origin.authority)}`;
}

/** `null` for a link without a host, or with a host that two readers could understand differently. */
function webLink(site: DeviceSite, link: string): WebLink | null {
  // Browsers read a backslash as a slash; we accept none in a host. In the path they also accept blanks and UTF-8.
  const match = /^(?:(https?):)?\/\/([^/?#\\@\s]+)([/?#].*)?$/is.exec(trimBlanks(link));
  if (!match) return null;
  const { tls } = site.settingsOf(site.port);
  const scheme = (match[1]?.toLowerCase() ?? (tls ? 'https' : 'http')) as 'http' | 'https';
  const authority = match[2] ?? '';
  const host = hostOf(authority);
  if (host === '') return null;
  const named = portSuffix(authority);
  const port = named === '' ? (scheme === 'https' ? 443 : 80) : Number(named.slice(1));
  return { scheme, authority, host, port, explicit: named !== '', rest: match[3] ?? '' };
}

/** The forwarded port that a link means; `undefined`: it leads elsewhere, or to a port that is not forwarded. */
function forwardedPort(site: DeviceSite, { authority, host, port, explicit }: WebLink): number | undefined {
  const settings = site.settingsOf(site.port);
  const ours = ourPort(site, host);
  if (ours !== undefined && ours !== site.port) return ours;
  // The service itself, under the name and port that it was asked by.
  const same = (other: string | null) => other?.toLowerCase() === authority.toLowerCase();
  if (same(site.origin.authority) || same(settings.host)) return site.port;
  const target = targetOf(site, host);
  if (target !== undefined) {
    const leads = (candidate: number) => {
      const other = site.settingsOf(candidate);
      return (other.targetPort ?? candidate) === port && sameTarget(other.target, target);
    };
    if (leads(site.port)) return site.port;
    const other = site.ports.find(leads);
    if (other !== undefined) return other;
    // Programs that do not know their port leave it out.
    if (!explicit && sameTarget(settings.target, target)) return site.port;
  }
  // Nothing else is reachable by a name that we have given it.
  return ours;
}

/** The port of the device that one of our host names for it means. */
function ourPort(site: DeviceSite, host: string): number | undefined {
  if (host === hostOf(site.origin.authority)) return site.port;
  if (!host.endsWith(`.${site.domain}`)) return undefined;
  const label = host.slice(0, -site.domain.length - 1);
  if (label === site.id) return site.httpPort ?? site.port;
  return site.ports.find((port) => label === `${site.id}-${port}`);
}

/** The target that a host name or address means; `undefined` if it is unknown. */
function targetOf(site: DeviceSite, host: string): string | null | undefined {
  const settings = site.settingsOf(site.port);
  if (isLoopbackHost(host)) return settings.target;
  const names = [site.id, hostOf(site.origin.authority), hostOf(settings.host ?? ''), settings.target];
  if (names.includes(host)) return settings.target;
  return site.ports.map((port) => site.settingsOf(port).target).find((target) => target === host);
}

function sameTarget(one: string | null, other: string | null | undefined): boolean {
  return one === other || (isLoopbackHost(one ?? '') && isLoopbackHost(other ?? ''));
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** Link-local addresses included. */
function isPrivateAddress(host: string): boolean {
  if (host.includes(':')) return /^f[cd]|^fe[89ab]/.test(host);
  return /^(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254)(?:\.\d{1,3}){2,3}$/.test(host);
}
