import { parseHttpUri } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { AttemptStage } from '../../simulation/attempt-stage.ts';
import { refused } from '../../simulation/network.ts';
import { CONNECTED, PROXY_ADDRESS, Proxied, proxyOf } from '../../simulation/proxied.ts';
import { SimulatedReflector } from '../../simulation/reflector.ts';
import type { ProxyServer } from '../dial/proxy-server.ts';

const uris = (...texts: string[]) => texts.flatMap((text) => parseHttpUri(text) ?? []);
const by = (...uris: (string | null)[]): { proxiesFor: () => readonly (ProxyServer | null)[] } => {
  const list = uris.map((uri) => (uri === null ? null : proxyOf(uri)));
  return { proxiesFor: () => list };
};
const A_AND_R = { reflectors: uris('http://a.example/', 'http://r.example/') };

/** A network with a second reflector, `a.example`. */
function withA<D extends AttemptStage>(stage: D): D & { a: SimulatedReflector } {
  stage.host.network.names.set('a.example', ['192.0.2.50']);
  return Object.assign(stage, { a: new SimulatedReflector(stage.host.network, '192.0.2.50', 80) });
}

describe('several reflectors', () => {
  it('are tried in order, and the first that takes the upgrade is used', () => {
    const stage = withA(new AttemptStage());
    expect(stage.succeeds(undefined, A_AND_R).uri.host).toBe('a.example');
    expect(stage.plain.connections).toEqual([]);
  });

  it('are tried at once when one has failed', () => {
    const stage = withA(new AttemptStage());
    stage.host.network.endpoints.set('192.0.2.50:80', { error: refused });
    const start = stage.host.clock.now();
    const { uri, failures } = stage.succeeds(undefined, A_AND_R);
    expect(uri.host).toBe('r.example');
    expect(stage.host.clock.now() - start).toBeLessThan(20);
    expect(failures.map(({ message }) => message)).toEqual(['a.example port 80: connection refused']);
    expect(stage.lost).toEqual(['a.example port 80: connection refused']);
    expect(stage.tried).toEqual(['http://a.example/', 'http://r.example/']);
  });

  it.each([
    ['answers garbage', 'hello\r\n\r\n'],
    ['refuses', 'HTTP/1.1 401 No\r\n\r\n'],
    ['is full', 'HTTP/1.1 503 Full\r\nRetry-After: 60\r\n\r\n'],
    ['redirects to nowhere', 'HTTP/1.1 302 x\r\nLocation: http://gone.example/\r\n\r\n'],
    ['redirects for ever', 'HTTP/1.1 302 x\r\nLocation: /\r\n\r\n'],
    ['is silent', 'silent'],
  ])('are tried when one %s', (_name, answer) => {
    const stage = withA(new AttemptStage());
    stage.a.answer = () => answer;
    expect(stage.succeeds(undefined, A_AND_R).uri.host).toBe('r.example');
  });

  it('that have all failed are each named, once', () => {
    const stage = withA(new AttemptStage());
    stage.a.answer = () => 'HTTP/1.1 500 Oops\r\n\r\n';
    stage.host.network.names.delete('r.example');
    const failure = stage.fails(undefined, {
      reflectors: uris('http://a.example/', 'http://r.example/', 'http://r.example:81/'),
    });
    expect(failure).toEqual({
      step: 'resolving',
      kind: 'fault',
      message: 'a.example answered 500 Oops; r.example: name not found',
      retryAfterMs: null,
    });
  });

  it('are named as long as there is room, in one line', () => {
    const stage = new AttemptStage();
    const many = Array.from({ length: 8 }, (_, at) => `http://${'x'.repeat(300)}${at}.example/`);
    const { message } = stage.fails(undefined, { reflectors: uris(...many) });
    expect(message).toMatch(/^x{300}0\.example: name not found; .*; and 2 more$/);
    expect(message.length).toBeLessThan(2000 + 20);
    stage.failure = null;
    stage.plain.answer = () => `HTTP/1.1 500 ${'x'.repeat(10_000)}\r\n\r\n`;
    expect(stage.fails().message).toMatch(/^r\.example answered 500 x{1976}…$/);
  });

  it('have refused only when each has', () => {
    const stage = withA(new AttemptStage());
    stage.a.answer = () => 'HTTP/1.1 401 No\r\n\r\n';
    stage.plain.answer = () => 'HTTP/1.1 403 No\r\n\r\n';
    expect(stage.fails(undefined, A_AND_R).kind).toBe('refusal');
    const other = withA(new AttemptStage());
    other.a.answer = () => 'HTTP/1.1 401 No\r\n\r\n';
    other.plain.answer = () => 'HTTP/1.1 500 No\r\n\r\n';
    expect(other.fails(undefined, A_AND_R).kind).toBe('fault');
  });

  it('are waited for as long as one asks', () => {
    const stage = withA(new AttemptStage());
    stage.a.answer = () => 'HTTP/1.1 503 x\r\nRetry-After: 7\r\n\r\n';
    stage.plain.answer = () => 'HTTP/1.1 503 x\r\nRetry-After: 5\r\n\r\n';
    expect(stage.fails(undefined, A_AND_R).retryAfterMs).toBe(7000);
  });

  it('get each an answer to its own Digest challenge', () => {
    const stage = withA(new AttemptStage());
    const challenge = 'HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm="r", nonce="a"\r\n\r\n';
    stage.a.answer = () => challenge;
    stage.plain.answer = ({ headers }) => (headers.get('authorization') ? 'accept' : challenge);
    expect(stage.succeeds(undefined, { ...A_AND_R, auth: 'digest' }).uri.host).toBe('r.example');
    expect(stage.plain.connections[0]?.requests[0]?.headers.get('authorization')).toBeUndefined();
  });
});

describe('several routes', () => {
  it('are tried in order, "direct" among them', () => {
    const stage = new Proxied();
    stage.host.network.endpoints.set(`${PROXY_ADDRESS}:3128`, { error: refused });
    const { proxy } = stage.succeeds('http://r.example/', by('http://p.example:3128', null));
    expect(proxy).toBeNull();
    expect(stage.tried).toEqual(['http://r.example/ by http://p.example:3128', 'http://r.example/']);
    expect(stage.lost).toEqual(['proxy p.example:3128: connection refused']);
  });

  it('that have all failed are each named', () => {
    const stage = new Proxied('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    stage.host.network.names.delete('r.example');
    expect(stage.fails('http://r.example/', by(null, 'http://p.example:3128')).message).toBe(
      'r.example: name not found (without proxy); ' +
        'proxy p.example:3128 answered 502 Bad Gateway to CONNECT r.example:80',
    );
  });

  it('are not tried with a proxy that has not worked for the reflector before', () => {
    const stage = withA(new Proxied('HTTP/1.1 407 x\r\n\r\n'));
    stage.host.network.endpoints.set('192.0.2.50:80', { error: refused });
    stage.succeeds(undefined, { ...A_AND_R, ...by('http://p.example:3128', null) });
    expect(stage.tried).toEqual([
      'http://a.example/ by http://p.example:3128',
      'http://a.example/',
      'http://r.example/',
    ]);
  });

  it.each([{ error: refused }, 'silent'] as const)(
    'are not tried with a proxy that could not be reached before (%j)',
    (proxy) => {
      const stage = withA(new Proxied());
      stage.host.network.endpoints.set(`${PROXY_ADDRESS}:3128`, proxy);
      stage.fails(undefined, { ...A_AND_R, ...by('http://p.example:3128') });
      expect(stage.tried).toEqual(['http://a.example/ by http://p.example:3128']);
    },
  );

  it('are not tried with a proxy that breaks off before', () => {
    const stage = withA(new Proxied());
    stage.proxy.answer = (_request, { socket }) => {
      socket.end();
      return 'silent';
    };
    const { message } = stage.fails(undefined, { ...A_AND_R, ...by('http://p.example:3128') });
    expect(message).toBe('proxy p.example:3128: connection closed before an answer');
    expect(stage.proxy.connections).toHaveLength(1);
  });

  it('are tried with a proxy that did not lead to the reflector before', () => {
    const stage = withA(
      new Proxied(({ target }) => (target === 'a.example:80' ? 'HTTP/1.1 503 x\r\n\r\n' : CONNECTED)),
    );
    stage.succeeds(undefined, { ...A_AND_R, ...by('http://p.example:3128') });
    expect(stage.asked.map(({ target }) => target)).toEqual(['a.example:80', 'r.example:80']);
  });

  it('that has timed out may lead to another reflector', () => {
    const stage = withA(new Proxied(({ target }) => (target === 'a.example:80' ? 'silent' : CONNECTED)));
    stage.succeeds(undefined, { ...A_AND_R, ...by('http://p.example:3128') });
  });

  it.each([404, 426])('are tried when the answer was %i without TLS', (status) => {
    const stage = new Proxied();
    stage.plain.answer = () => `HTTP/1.1 ${status} x\r\n\r\n`;
    stage.secure.answer = () => `HTTP/1.1 ${status} x\r\n\r\n`;
    expect(stage.succeeds('http://r.example/', by(null, 'http://p.example:3128')).proxy).not.toBeNull();
    const certain = new Proxied();
    certain.secure.answer = () => `HTTP/1.1 ${status} x\r\n\r\n`;
    certain.fails('https://r.example/', by(null, 'http://p.example:3128'));
    expect(certain.tried).toHaveLength(1);
  });

  it('are tried once each', () => {
    const stage = new AttemptStage();
    stage.host.network.names.delete('r.example');
    const proxies = [null, proxyOf('http://p.example')];
    stage.fails('http://r.example/', { proxiesFor: () => [...proxies, ...proxies] });
    expect(stage.tried).toEqual(['http://r.example/', 'http://r.example/ by http://p.example:80']);
  });

  it.each(['HTTP/1.1 401 No\r\n\r\n', 'HTTP/1.1 503 Full\r\nRetry-After: 1\r\n\r\n'])(
    'are not tried to a reflector that has answered %j',
    (answer) => {
      const stage = new Proxied();
      stage.plain.answer = () => answer;
      stage.fails('http://r.example/', by(null, 'http://p.example:3128'));
      expect(stage.tried).toHaveLength(1);
    },
  );

  it('are tried when a middlebox has answered for the reflector', () => {
    const stage = new Proxied();
    stage.plain.answer = () => 'HTTP/1.1 200 OK\r\n\r\n<html>Please log in</html>';
    expect(stage.succeeds('http://r.example/', by(null, 'http://p.example:3128')).proxy).not.toBeNull();
  });

  it('depend on the reflector, that of a redirect too', () => {
    const stage = withA(new Proxied());
    stage.plain.answer = () => 'HTTP/1.1 302 x\r\nLocation: http://a.example/\r\n\r\n';
    const proxy = proxyOf('http://p.example:3128');
    stage.succeeds('http://r.example/', { proxiesFor: ({ host }) => [host === 'a.example' ? proxy : null] });
    expect(stage.tried).toEqual(['http://r.example/', 'http://a.example/ by http://p.example:3128']);
  });
});
