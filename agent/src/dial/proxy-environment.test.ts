import { parseHttpUri } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { environmentProxies } from './proxy-environment.ts';
import { describeProxy } from './proxy-server.ts';

type Variables = Readonly<Record<string, string>>;

function proxyOf(uri: string, variables: Variables): string | null {
  const proxyFor = environmentProxies({ environment: (name) => variables[name] });
  const parsed = parseHttpUri(uri);
  if ('error' in proxyFor || !parsed) throw new Error('error' in proxyFor ? proxyFor.error : uri);
  const proxy = proxyFor(parsed);
  return proxy && describeProxy(proxy);
}

describe('the environment', () => {
  it.each<[string, Variables, string | null]>([
    ['http://a/', { http_proxy: 'http://p:1' }, 'http://p:1'],
    ['https://a/', { http_proxy: 'http://p:1' }, null],
    ['https://a/', { https_proxy: 'http://p:1' }, 'http://p:1'],
    ['http://a/', { https_proxy: 'http://p:1' }, null],
    ['https://a/', { HTTPS_PROXY: 'http://p:1' }, 'http://p:1'],
    // What a client of a CGI program could set.
    ['http://a/', { HTTP_PROXY: 'http://p:1' }, null],
    ['https://a/', { https_proxy: 'http://p:1', HTTPS_PROXY: 'http://q:2' }, 'http://p:1'],
    ['http://a/', { all_proxy: 'socks5h://p' }, 'socks5h://p:1080'],
    ['https://a/', { ALL_PROXY: 'socks5://p' }, 'socks5://p:1080'],
    ['http://a/', { ALL_PROXY: 'http://q:2', all_proxy: 'http://p:1' }, 'http://p:1'],
    ['https://a/', { https_proxy: 'http://p:1', all_proxy: 'http://q:2' }, 'http://p:1'],
    ['https://a/', { https_proxy: '', all_proxy: 'http://q:2' }, null],
    ['https://a/', { https_proxy: 'p:3128' }, 'http://p:3128'],
    ['https://a/', { https_proxy: 'u:s@p:3128' }, 'http://p:3128'],
    ['https://a.b/', { https_proxy: 'http://p:1', no_proxy: '.b' }, null],
    ['https://a.b/', { https_proxy: 'http://p:1', NO_PROXY: 'b' }, null],
    ['https://a.b/', { https_proxy: 'http://p:1', no_proxy: 'c', NO_PROXY: 'b' }, 'http://p:1'],
    ['https://a.b/', { https_proxy: 'http://p:1', no_proxy: '', NO_PROXY: 'b' }, 'http://p:1'],
    ['https://a.b:8443/', { https_proxy: 'http://p:1', no_proxy: 'b:443' }, 'http://p:1'],
    ['https://a.b:8443/', { https_proxy: 'http://p:1', no_proxy: 'b:8443' }, null],
    ['https://a/', {}, null],
  ])('leads to %s with %j through %s', (uri, variables, proxy) => {
    expect(proxyOf(uri, variables)).toBe(proxy);
  });

  it.each(['http_proxy', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'])(
    'with a useless %s is an error that shows no secret',
    (name) => {
      const proxyFor = environmentProxies({
        environment: (asked) => (asked === name ? 'ftp://u:secret@p' : undefined),
      });
      expect(proxyFor).toEqual({
        error: `${name} is none of http://, https://, socks5:// and socks5h://[USER:PASSWORD@]HOST[:PORT]`,
      });
    },
  );
});
