import { parseHttpUri } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { AgentHost } from '../../simulation/agent-host.ts';
import { proxiesFor } from './proxies.ts';
import { describeProxy } from './proxy-server.ts';

const target = parseHttpUri('https://r.example/');

function proxiesOf(host: AgentHost, proxy: unknown) {
  const proxies = proxiesFor(host, host.configure({ proxy }));
  if ('error' in proxies || !target) return proxies;
  return proxies(target).map((proxy) => proxy && describeProxy(proxy));
}

describe('the proxies for a host', () => {
  it.each<[unknown, (string | null)[]]>([
    [null, [null]],
    ['direct', [null]],
    ['http://u:p@proxy:3128', ['http://proxy:3128']],
    [
      ['socks5://a', 'direct', 'https://b'],
      ['socks5://a:1080', null, 'https://b:443'],
    ],
    ['env', ['http://from-env:1']],
    [
      ['env', 'http://b', 'direct'],
      ['http://from-env:1', 'http://b:80', null],
    ],
  ])('of %j', (proxy, expected) => {
    const host = new AgentHost();
    host.system.variables.set('https_proxy', 'http://u:secret@from-env:1');
    expect(proxiesOf(host, proxy)).toEqual(expected);
  });

  it('by "env" is direct for what no_proxy names', () => {
    const host = new AgentHost();
    host.system.variables.set('https_proxy', 'http://from-env:1');
    host.system.variables.set('no_proxy', '.example');
    expect(proxiesOf(host, ['env', 'http://b'])).toEqual([null, 'http://b:80']);
  });

  it('have the password that is in its file at the moment', () => {
    const host = new AgentHost();
    host.files.content.set('/secret', ascii('first\n'));
    const configuration = host.configure({
      proxy: [{ uri: 'http://p', user: 'u', password: { file: '/secret' } }],
    });
    const credentials = () => {
      const proxies = proxiesFor(host, configuration);
      return 'error' in proxies || !target ? proxies : proxies(target)[0]?.credentials;
    };
    expect(credentials()).toEqual({ user: 'u', password: 'first' });
    host.files.content.set('/secret', ascii('second'));
    expect(credentials()).toEqual({ user: 'u', password: 'second' });
    host.files.content.delete('/secret');
    expect(credentials()).toEqual({
      error: 'proxy[0].password: the secret file /secret cannot be read: no such file',
    });
  });

  it('are an error that shows nothing when the environment is of no use', () => {
    const host = new AgentHost();
    host.system.variables.set('https_proxy', 'ftp://u:secret@p');
    expect(proxiesOf(host, 'env')).toEqual({
      error:
        'proxy: https_proxy is none of http://, https://, socks5:// and socks5h://[USER:PASSWORD@]HOST[:PORT]',
    });
  });
});
