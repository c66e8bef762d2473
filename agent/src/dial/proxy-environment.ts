import { bypasses, type HttpUri } from 'rm-protocol';
import { plainProxyVariables, secureProxyVariables } from '../config/proxy-variables.ts';
import type { System } from '../host.ts';
import { type ProxyServer, parseProxy } from './proxy-server.ts';

/** The proxy for a URI; `null`: none. */
export type ProxyFor = (uri: HttpUri) => ProxyServer | null;

/**
 * Reads `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` as curl does: lower case comes before upper case, the
 * variable of the scheme before `all_proxy`, an empty one means none, and `http://` may be left out. `HTTP_PROXY` is not
 * read: in a CGI program it holds what a client sends as `Proxy:`. The error is one line that names the variable and
 * shows nothing of its value.
 */
export function environmentProxies(
  system: Pick<System, 'environment'>,
): ProxyFor | { readonly error: string } {
  const problems: string[] = [];
  const proxyOf = (names: readonly string[]): ProxyServer | null => {
    const name = names.find((each) => system.environment(each) !== undefined);
    const text = (name === undefined ? '' : system.environment(name)) || '';
    if (name === undefined || text === '') return null;
    const proxy = parseProxy(text.includes('://') ? text : `http://${text}`);
    if (!proxy) {
      problems.push(
        `${name} is none of http://, https://, socks5:// and socks5h://[USER:PASSWORD@]HOST[:PORT]`,
      );
    }
    return proxy;
  };
  const plain = proxyOf(plainProxyVariables);
  const secure = proxyOf(secureProxyVariables);
  const [error] = problems;
  if (error !== undefined) return { error };
  const noProxy = system.environment('no_proxy') ?? system.environment('NO_PROXY') ?? '';
  return (uri) => (bypasses(noProxy, uri.host, uri.port) ? null : uri.secure ? secure : plain);
}
