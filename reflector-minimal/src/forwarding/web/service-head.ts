import type { ServiceSettings } from '../../devices/service-settings.ts';
import type { RawHeaders } from '../../http/headers.ts';
import type { Origin } from '../../http/origin.ts';

/**
 * What browsers and proxies add to every request and small devices do not need. What the page or its script has set stays,
 * so the meaning of the request does not change.
 */
const addedToEvery = new Set([
  'accept-encoding',
  'accept-language',
  'baggage',
  'cache-control',
  'device-memory',
  'dnt',
  'downlink',
  'ect',
  'pragma',
  'priority',
  'referer',
  'rtt',
  'save-data',
  'sec-gpc',
  'traceparent',
  'tracestate',
  'upgrade-insecure-requests',
  'user-agent',
  'via',
  'x-request-id',
]);

function isAddedToEvery(lower: string): boolean {
  return addedToEvery.has(lower) || lower.startsWith('sec-ch-') || lower.startsWith('sec-fetch-');
}

/**
 * The head of a request as the service wants it. A `host` setting replaces `Host`, and our host name in the fields that
 * services compare with `Host`. Otherwise their checks against DNS rebinding or forged requests would refuse the request.
 */
export function asService(
  headers: RawHeaders,
  origin: Pick<Origin, 'authority' | 'protocol'>,
  { host, tls, headers: which }: ServiceSettings,
): string[] {
  const result: string[] = [];
  const scheme = tls ? 'https' : 'http';
  let named = false;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    const lower = name.toLowerCase();
    if (which === 'few' && isAddedToEvery(lower)) continue;
    if (lower === 'host') named = true;
    result.push(name, renamed(lower, value));
  }
  if (host !== null && !named) result.unshift('Host', host);
  return result;

  function renamed(lower: string, value: string): string {
    switch (lower) {
      case 'host':
        return host ?? value;
      case 'origin':
      case 'referer':
        return host === null ? value : replaceOurs(value, origin.authority, `${scheme}://${host}`);
      // WebDAV (RFC 4918 sections 10.3 and 10.4): servers refuse another scheme than their own, too.
      case 'destination':
        return replaceOurs(value, origin.authority, `${scheme}://${host ?? origin.authority}`);
      case 'if':
        return value
          .split('<')
          .map((part) => replaceOurs(part, origin.authority, `${scheme}://${host ?? origin.authority}`))
          .join('<');
      default:
        return value;
    }
  }
}

/** `value`, with `origin` in place of the origin of our host for the device. */
function replaceOurs(value: string, authority: string, origin: string): string {
  const length = /^https?:\/\//i.exec(value)?.[0].length ?? 0;
  const end = length + authority.length;
  if (length === 0 || value.slice(length, end).toLowerCase() !== authority.toLowerCase()) return value;
  return /^(?:$|[/?#>])/.test(value.slice(end)) ? `${origin}${value.slice(end)}` : value;
}
