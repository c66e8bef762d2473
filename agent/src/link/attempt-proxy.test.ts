import { describe, expect, it } from 'vitest';
import { Dialling, SESSION } from '../host/simulated/dialling.ts';
import { refused } from '../host/simulated/network.ts';
import { SimulatedReflector } from '../host/simulated/reflector.ts';
import { type Credentials, parseHttpUri } from '../protocol/index.ts';

describe('a proxy', () => {
  const proxyOf = (text: string, credentials: Credentials | null = null) => {
    const uri = parseHttpUri(text);
    if (!uri) throw new Error(text);
    return { uri, credentials };
  };

  /** A proxy at `p.example` that answers CONNECT, and behind it the reflector. */
  function withProxy(
    answer = 'HTTP/1.1 200 Connected\r\n\r\n',
    port = 3128,
  ): Dialling & { proxy: SimulatedReflector } {
    const dialling = new Dialling();
    const { network } = dialling.host;
    network.names.set('p.example', ['203.0.113.1']);
    const proxy = new SimulatedReflector(network, '203.0.113.1', port, (options) => {
      dialling.tlsAsked.push(options);
      return dialling.tls(options);
    });
    proxy.answer = ({ method }) => (method === 'CONNECT' ? answer : 'accept');
    return Object.assign(dialling, { proxy });
  }

  it('is asked to CONNECT, and the reflector is reached through it', () => {
    const dialling = withProxy();
    dialling.succeeds('https://r.example/', {
      proxy: proxyOf('http://p.example:3128', { user: 'u', password: 'p' }),
    });
    expect(dialling.steps).toEqual([
      'resolving p.example',
      'connecting 203.0.113.1 port 3128',
      'proxy p.example:3128',
      'tls r.example',
      'upgrade https://r.example/',
    ]);
    const [connect, upgrade] = dialling.proxy.last.requests;
    expect([connect?.method, connect?.target]).toEqual(['CONNECT', 'r.example:443']);
    expect(connect?.headers.get('host')).toBe('r.example:443');
    expect(connect?.headers.get('proxy-authorization')).toBe('Basic dTpw');
    expect(connect?.headers.get('authorization')).toBeUndefined();
    expect(upgrade?.headers.get('proxy-authorization')).toBeUndefined();
    // The name of the reflector is looked up by the proxy alone.
    expect(dialling.host.network.dialled).toEqual(['203.0.113.1:3128']);
  });

  it('over TLS has TLS within TLS', () => {
    const dialling = withProxy(undefined, 443);
    dialling.succeeds('https://r.example/', { proxy: proxyOf('https://p.example') });
    expect(dialling.tlsAsked.map(({ serverName }) => serverName)).toEqual(['p.example', 'r.example']);
  });

  it('is asked for an IPv6 address in brackets', () => {
    const dialling = withProxy();
    dialling.succeeds('http://[2001:db8::7]:81/', { proxy: proxyOf('http://p.example:3128') });
    expect(dialling.proxy.last.requests[0]?.target).toBe('[2001:db8::7]:81');
  });

  it.each([
    ['407', 'refusal', 'proxy p.example:3128 answered 407 x'],
    ['403', 'refusal', 'proxy p.example:3128 answered 403 x'],
    ['502', 'fault', 'proxy p.example:3128 answered 502 x'],
    ['302', 'fault', 'proxy p.example:3128 answered 302 x'],
  ])('that answers %s', (status, kind, message) => {
    const dialling = withProxy(`HTTP/1.1 ${status} x\r\nLocation: http://evil.example/\r\n\r\n`);
    expect(dialling.fails('https://r.example/', { proxy: proxyOf('http://p.example:3128') })).toMatchObject({
      step: 'proxy',
      kind,
      message,
    });
  });

  it('that answers garbage is named', () => {
    const dialling = withProxy('SSH-2.0\r\n\r\n');
    expect(dialling.fails('https://r.example/', { proxy: proxyOf('http://p.example:3128') }).message).toBe(
      'p.example:3128: not an HTTP/1.1 response',
    );
  });

  it.each<[string, (dialling: Dialling) => void, string]>([
    [
      'resolving',
      ({ host }) => host.network.names.set('p.example', 'silent'),
      'p.example port 443: no answer within 10 s',
    ],
    [
      'connecting',
      ({ host }) => host.network.places.set('203.0.113.1:443', { error: refused }),
      'p.example port 443: connection refused',
    ],
    [
      'tls',
      (dialling) => {
        dialling.tls = ({ serverName }) => (serverName === 'p.example' ? 'silent' : SESSION);
      },
      'p.example port 443: no answer within 10 s',
    ],
    [
      'tls',
      (dialling) => {
        dialling.tls = ({ serverName }) => (serverName === 'r.example' ? 'silent' : SESSION);
      },
      'r.example port 443: no answer within 10 s',
    ],
  ])('is named by what fails on the way to it, step %s', (step, set, message) => {
    const dialling = withProxy(undefined, 443);
    set(dialling);
    expect(dialling.fails('https://r.example/', { proxy: proxyOf('https://p.example') })).toMatchObject({
      step,
      message,
    });
  });

  it.each([
    ['http', 3128],
    ['https', 443],
  ])('of scheme %s is used for a redirect too', (scheme, port) => {
    const dialling = withProxy(undefined, port);
    dialling.proxy.answer = ({ method, headers }) => {
      if (method === 'CONNECT') return 'HTTP/1.1 200 Connected\r\n\r\n';
      return headers.get('host') === 'b.example'
        ? 'accept'
        : 'HTTP/1.1 302 Found\r\nLocation: https://b.example/\r\n\r\n';
    };
    dialling.succeeds('https://r.example/', { proxy: proxyOf(`${scheme}://p.example:${port}`) });
    expect(dialling.proxy.connections.map(({ requests }) => requests[0]?.target)).toEqual([
      'r.example:443',
      'b.example:443',
    ]);
  });
});
