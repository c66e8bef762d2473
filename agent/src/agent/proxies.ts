import type { HttpUri } from 'rm-protocol';
import type { Configuration, ProxyEntry } from '../config/configuration.ts';
import { proxiesOf } from '../config/proxies.ts';
import { readSecret } from '../config/secret.ts';
import { environmentRoute } from '../dial/proxy-environment.ts';
import { parseProxy, type Route } from '../dial/proxy-server.ts';
import type { Host } from '../host.ts';

type Ways = (uri: HttpUri) => readonly Route[];

/** The ways to a host that the configuration gives, with secrets and environment as they are now. */
export function routesOf(
  host: Host,
  configuration: Pick<Configuration, 'proxy'>,
): Ways | { readonly error: string } {
  const readers: ((uri: HttpUri) => Route)[] = [];
  for (const [path, entry] of proxiesOf(configuration)) {
    const reader = readerOf(host, entry);
    if ('error' in reader) return { error: `${path}${reader.error}` };
    readers.push(reader);
  }
  if (readers.length === 0) return () => [null];
  return (uri) => readers.map((read) => read(uri));
}

function readerOf(host: Host, entry: ProxyEntry): ((uri: HttpUri) => Route) | { readonly error: string } {
  if (entry === 'direct') return () => null;
  if (entry === 'env') {
    const route = environmentRoute(host.system);
    return 'error' in route ? { error: `: ${route.error}` } : route;
  }
  const proxy = parseProxy(typeof entry === 'string' ? entry : entry.uri);
  if (!proxy) return { error: ': is no URI of a proxy' };
  if (typeof entry === 'string') return () => proxy;
  const password = readSecret(entry.password, host);
  if ('error' in password) return { error: `.password: ${password.error}` };
  const route = { ...proxy, credentials: { user: entry.user, password: password.text } };
  return () => route;
}
