import type { HttpUri } from 'rm-protocol';
import type { Configuration, ProxyEntry } from '../config/configuration.ts';
import { proxiesOf } from '../config/parts.ts';
import { readSecret } from '../config/secret.ts';
import type { Host } from '../host.ts';
import { environmentProxies, type ProxyFor } from './proxy-environment.ts';
import { type ProxyServer, parseProxy } from './proxy-server.ts';

/** The proxies for a host in the order in which they are tried, `null` for none, with secrets and environment as they are now. */
export function proxiesFor(
  host: Host,
  configuration: Pick<Configuration, 'proxy'>,
): ((uri: HttpUri) => readonly (ProxyServer | null)[]) | { readonly error: string } {
  const readers: ProxyFor[] = [];
  for (const [path, entry] of proxiesOf(configuration)) {
    const reader = readerOf(host, entry);
    if ('error' in reader) return { error: `${path}${reader.error}` };
    readers.push(reader);
  }
  if (readers.length === 0) return () => [null];
  return (uri) => readers.map((read) => read(uri));
}

function readerOf(host: Host, entry: ProxyEntry): ProxyFor | { readonly error: string } {
  if (entry === 'direct') return () => null;
  if (entry === 'env') {
    const proxyFor = environmentProxies(host.system);
    return 'error' in proxyFor ? { error: `: ${proxyFor.error}` } : proxyFor;
  }
  const proxy = parseProxy(typeof entry === 'string' ? entry : entry.uri);
  if (!proxy) return { error: ': is no URI of a proxy' };
  if (typeof entry === 'string') return () => proxy;
  const password = readSecret(entry.password, host);
  if ('error' in password) return { error: `.password: ${password.error}` };
  const withCredentials = { ...proxy, credentials: { user: entry.user, password: password.text } };
  return () => withCredentials;
}
