import { responseFields, trailerFields, valuesOf } from '../../http/headers.ts';
import type { Refusal } from '../../http/refusal.ts';
import { cookiesForDevice, withinItsHost } from '../../isolation/device-cookies.ts';
import { refusals } from '../../refusals/catalogue.ts';
import { forOneUser } from './cache-control.ts';
import { linksForUser, redirectLoop } from './device-links.ts';
import type { DeviceExchange } from './exchange.ts';

/**
 * The head of a device's response, as the user gets it. Nothing in it has an effect beyond the device's own host, and its
 * links lead to where the user can follow them. A redirect that leads in a loop becomes a refusal.
 */
export function answerHead(
  { request, site, shared }: Pick<DeviceExchange, 'request' | 'site' | 'shared'>,
  status: number,
  rawHeaders: readonly string[],
): string[] | Refusal {
  const head = linksForUser(site, forOneUser(withinItsHost(responseFields(rawHeaders, status), shared)));
  const [location] = valuesOf(rawHeaders, 'location');
  if (location === undefined) return head;
  const loop = redirectLoop(
    site,
    {
      method: request.method ?? 'GET',
      url: request.url ?? '/',
      cookies: valuesOf(request.rawHeaders, 'cookie').some((line) => cookiesForDevice(line) !== null),
    },
    { status, location, setsCookie: valuesOf(rawHeaders, 'set-cookie').length > 0 },
  );
  if (loop === null) return head;
  if ('location' in loop) {
    return head.map((value, i) =>
      i % 2 === 1 && head[i - 1]?.toLowerCase() === 'location' ? loop.location : value,
    );
  }
  return loop.kind === 'host' ? refusals.otherHost(loop.host) : refusals.otherScheme(loop);
}

/** The trailers that the user gets: as {@link answerHead}, because some readers make header lines of them. */
export function answerTrailers(
  { shared }: Pick<DeviceExchange, 'shared'>,
  trailers: readonly string[],
): [string, string][] {
  return trailerFields(forOneUser(withinItsHost(trailers, shared)));
}
