import type { IncomingMessage } from 'node:http';

/** A request as `node:http` reads it, as far as its head goes. `rawHeaders`: names and values in turn. */
export function incoming(
  rawHeaders: readonly string[] = [],
  { method = 'GET', url = '/' }: { readonly method?: string; readonly url?: string } = {},
): IncomingMessage {
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase() ?? '';
    const before = headers[name];
    headers[name] = before === undefined ? `${rawHeaders[i + 1]}` : `${before}; ${rawHeaders[i + 1]}`;
  }
  return { method, url, headers, rawHeaders, httpVersionMinor: 1 } as unknown as IncomingMessage;
}
