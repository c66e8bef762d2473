/** An `http:` or `https:` URI, as far as dialling needs it (RFC 9110 section 4.2). */
export interface HttpUri {
  readonly secure: boolean;
  /** Name or IP literal, without the brackets of IPv6, in lower case. */
  readonly host: string;
  readonly port: number;
  /** Path and query, at least `/`. */
  readonly target: string;
}

const pattern = /^(https?):\/\/(\[[0-9a-f:.]+\]|[^\s/?#@:[\]]+)(?::(\d{1,5}))?([/?][^\s#]*)?(?:#.*)?$/i;

/** Reads an absolute URI without user information; `null` when it is anything else. */
export function parseHttpUri(text: string): HttpUri | null {
  const match = pattern.exec(text);
  if (!match) return null;
  const [, scheme = '', host = '', digits, target = '/'] = match;
  const secure = scheme.toLowerCase() === 'https';
  const port = digits === undefined ? (secure ? 443 : 80) : Number(digits);
  if (port < 1 || port > 65535) return null;
  return {
    secure,
    host: host.replace(/^\[|\]$/g, '').toLowerCase(),
    port,
    target: target.startsWith('?') ? `/${target}` : target,
  };
}

/** The value of `Host`: the port only when it is not the scheme's own. */
export function hostHeader({ secure, host, port }: HttpUri): string {
  return port === (secure ? 443 : 80) ? bracketed(host) : hostAndPort(host, port);
}

/** `HOST:PORT`, with brackets around an IPv6 literal. */
export function hostAndPort(host: string, port: number): string {
  return `${bracketed(host)}:${port}`;
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

export function formatHttpUri(uri: HttpUri): string {
  return `${uri.secure ? 'https' : 'http'}://${hostHeader(uri)}${uri.target}`;
}

/** What a `Location` names, seen from `from` (RFC 3986 section 5.2, absolute URIs and absolute paths). */
export function resolveLocation(from: HttpUri, location: string): HttpUri | null {
  if (/^\/(?!\/)/.test(location)) return parseHttpUri(formatHttpUri({ ...from, target: location }));
  if (location.startsWith('//')) return parseHttpUri(`${from.secure ? 'https' : 'http'}:${location}`);
  return parseHttpUri(location);
}
