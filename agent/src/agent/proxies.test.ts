import { parseHttpUri } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { AgentHost } from '../../simulation/agent-host.ts';
import { describeProxy } from '../dial/proxy-server.ts';
import { routesOf } from './proxies.ts';

const target = parseHttpUri('https://r.example/');

function waysOf(host: AgentHost, proxy: unknown) {
  const ways = routesOf(host, host.configure({ proxy }));
  if ('error' in ways || !target) return ways;
  return ways(target).map((route) => route && describeProxy(route));
}

describe('the ways to a host', () => {
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
    expect(waysOf(host, proxy)).toEqual(expected);
  });

  it('by "env" is direct for what no_proxy names', () => {
    const host = new AgentHost();
    host.system.variables.set('https_proxy', 'http://from-env:1');
    host.system.variables.set('no_proxy', '.example');
    expect(waysOf(host, ['env', 'http://b'])).toEqual([null, 'http://b:80']);
  });

  it('have the password that is in its file at the moment', () => {
    const host = new AgentHost();
    host.files.content.set('/secret', ascii('first\n'));
    const configuration = host.configure({
      proxy: [{ uri: 'http://p', user: 'u', password: { file: '/secret' } }],
    });
    const credentials = () => {
      const ways = routesOf(host, configuration);
      return 'error' in ways || !target ? ways : ways(target)[0]?.credentials;
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
    expect(waysOf(host, 'env')).toEqual({
      error:
        'proxy: https_proxy is none of http://, https://, socks5:// and socks5h://[USER:PASSWORD@]HOST[:PORT]',
    });
  });
});
