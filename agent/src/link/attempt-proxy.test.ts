import { describe, expect, it } from 'vitest';
import { type AttemptStage, SESSION } from '../../simulation/attempt-stage.ts';
import { refused } from '../../simulation/network.ts';
import { CONNECTED, PROXY_ADDRESS, Proxied, proxyOf } from '../../simulation/proxied.ts';
import type { ProxyServer } from '../dial/proxy-server.ts';

const by = (...uris: (string | null)[]) => {
  const list: readonly (ProxyServer | null)[] = uris.map((uri) => (uri === null ? null : proxyOf(uri)));
  return { proxiesFor: () => list };
};

describe('an HTTP proxy', () => {
  it('is asked to CONNECT, and the reflector is reached through it', () => {
    const stage = new Proxied();
    const { proxy } = stage.succeeds('https://r.example/', by('http://u:p@p.example:3128'));
    expect(proxy).toMatchObject({ host: 'p.example', port: 3128 });
    expect(stage.steps).toEqual([
      'resolving p.example',
      `connecting ${PROXY_ADDRESS} port 3128`,
      'proxy p.example:3128',
      'tls r.example',
      'upgrade https://r.example/',
    ]);
    const [connect, upgrade] = stage.proxy.last.requests;
    expect([connect?.method, connect?.target]).toEqual(['CONNECT', 'r.example:443']);
    expect(connect?.headers.get('host')).toBe('r.example:443');
    expect(connect?.headers.get('authorization')).toBeUndefined();
    expect(upgrade?.headers.get('authorization')).toBeDefined();
    // The name of the reflector is looked up by the proxy alone.
    expect(stage.host.network.dialled).toEqual([`${PROXY_ADDRESS}:3128`]);
  });

  it('is asked to CONNECT for an http: reflector too', () => {
    const stage = new Proxied();
    stage.succeeds('http://r.example/', by('http://p.example:3128'));
    expect(stage.proxy.last.requests.map(({ method, target }) => `${method} ${target}`)).toEqual([
      'CONNECT r.example:80',
      'GET /',
    ]);
  });

  it('over TLS has TLS within TLS, and does not see the certificate of the device', () => {
    const stage = new Proxied(undefined, 443);
    const proxyTls = {
      ca: '/ca',
      certificate: null,
      key: null,
      judgedAt: null,
      minVersion: '1.3',
      verify: true,
    } as const;
    const tls = { ...proxyTls, certificate: '/cert', key: '/key' };
    stage.succeeds('https://r.example/', { ...by('https://p.example'), tls, proxyTls });
    expect(stage.tlsAsked).toEqual([
      { ...proxyTls, serverName: 'p.example' },
      { ...tls, serverName: 'r.example' },
    ]);
  });

  it('over TLS is not held against the pins of the reflector', () => {
    const stage = new Proxied(undefined, 443);
    stage.tls = ({ serverName }) =>
      serverName === 'p.example' ? { ...SESSION, publicKeyDigest: new Uint8Array(32) } : SESSION;
    stage.succeeds('https://r.example/', {
      ...by('https://p.example'),
      pins: [Buffer.from(SESSION.publicKeyDigest).toString('base64')],
    });
  });

  it('is asked for an IPv6 address in brackets', () => {
    const stage = new Proxied();
    stage.succeeds('http://[2001:db8::7]:81/', by('http://p.example:3128'));
    expect(stage.asked[0]?.target).toBe('[2001:db8::7]:81');
  });

  it('is not asked for a host that cannot be written down', () => {
    const stage = new Proxied();
    stage.plain.answer = () => 'HTTP/1.1 302 x\r\nLocation: http://\xe9.example/\r\n\r\n';
    const proxy = proxyOf('http://p.example:3128');
    const failure = stage.fails('http://r.example/', {
      proxiesFor: ({ host }) => [host === 'r.example' ? null : proxy],
    });
    expect(failure).toMatchObject({
      step: 'proxy',
      message: 'proxy p.example:3128: request line cannot be sent',
    });
  });

  it('may send interim responses', () => {
    new Proxied(`HTTP/1.1 100 \r\n\r\nHTTP/1.1 103 x\r\n\r\n${CONNECTED}`).succeeds(
      'https://r.example/',
      by('http://p.example:3128'),
    );
  });

  it.each([
    ['403', 'refusal', 'proxy p.example:3128 answered 403 x to CONNECT r.example:443'],
    ['502', 'fault', 'proxy p.example:3128 answered 502 x to CONNECT r.example:443'],
    ['302', 'fault', 'proxy p.example:3128 answered 302 x to CONNECT r.example:443'],
    ['101', 'fault', 'proxy p.example:3128 answered 101 x to CONNECT r.example:443'],
  ])('that answers %s', (status, kind, message) => {
    const stage = new Proxied(`HTTP/1.1 ${status} x\r\nLocation: http://evil.example/\r\n\r\n`);
    expect(stage.fails('https://r.example/', by('http://p.example:3128'))).toMatchObject({
      step: 'proxy',
      kind,
      message,
    });
  });

  it.each([
    ['garbage', 'SSH-2.0\r\n\r\n', 'not an HTTP/1.1 response'],
    ['a head without end', `HTTP/1.1 200 ${'x'.repeat(20_000)}`, 'head of more than 16384 bytes'],
    ['more than was asked', `${CONNECTED}220 hello\r\n`, 'unasked bytes behind the answer to CONNECT'],
  ])('that answers %s is named', (_name, answer, message) => {
    const stage = new Proxied(answer);
    expect(stage.fails('https://r.example/', by('http://p.example:3128')).message).toBe(
      `proxy p.example:3128: ${message}`,
    );
  });

  it.each<[string, (stage: AttemptStage) => void, string]>([
    [
      'resolving',
      ({ host }) => host.network.names.set('p.example', 'silent'),
      'proxy p.example:443: no answer within 10 s',
    ],
    [
      'connecting',
      ({ host }) => host.network.endpoints.set(`${PROXY_ADDRESS}:443`, { error: refused }),
      'proxy p.example:443: connection refused',
    ],
    [
      'tls',
      (stage) => {
        stage.tls = ({ serverName }) => (serverName === 'p.example' ? 'silent' : SESSION);
      },
      'proxy p.example:443: no answer within 10 s',
    ],
    [
      'tls',
      (stage) => {
        stage.tls = ({ serverName }) => (serverName === 'r.example' ? 'silent' : SESSION);
      },
      'r.example port 443: no answer within 10 s (through proxy https://p.example:443)',
    ],
  ])('is named by what fails on the way to it, step %s', (step, set, message) => {
    const stage = new Proxied(undefined, 443);
    set(stage);
    expect(stage.fails('https://r.example/', by('https://p.example'))).toMatchObject({ step, message });
  });

  it('that sends nothing has a time limit', () => {
    expect(new Proxied('silent').fails('https://r.example/', by('http://p.example:3128'))).toMatchObject({
      step: 'proxy',
      message: 'proxy p.example:3128: no answer within 10 s',
    });
  });

  it.each([
    ['http', 3128],
    ['https', 443],
  ])('of scheme %s is used for a redirect too', (scheme, port) => {
    const stage = new Proxied(undefined, port);
    const { answer } = stage.proxy;
    stage.proxy.answer = (request, connection) => {
      if (request.method === 'CONNECT') return answer(request, connection);
      return request.headers.get('host') === 'b.example'
        ? 'accept'
        : 'HTTP/1.1 302 Found\r\nLocation: https://b.example/\r\n\r\n';
    };
    stage.succeeds('https://r.example/', by(`${scheme}://p.example:${port}`));
    expect(stage.asked.map(({ target }) => target)).toEqual(['r.example:443', 'b.example:443']);
  });
});

describe('an HTTP proxy that wants credentials', () => {
  const challenge = (...offers: string[]) =>
    `HTTP/1.1 407 Who?\r\n${offers.map((offer) => `Proxy-Authenticate: ${offer}\r\n`).join('')}Connection: close\r\n\r\n`;
  const asking = (...offers: string[]) =>
    new Proxied(({ headers }) => (headers.get('proxy-authorization') ? CONNECTED : challenge(...offers)));
  const sent = ({ asked }: Proxied) => asked.map(({ headers }) => headers.get('proxy-authorization'));
  const login = by('http://user:secret@p.example:3128');

  it('gets them for Basic when it has asked, over a new connection', () => {
    const stage = asking('Basic realm="x"');
    stage.succeeds('https://r.example/', login);
    expect(sent(stage)).toEqual([undefined, 'Basic dXNlcjpzZWNyZXQ=']);
    expect(stage.proxy.connections).toHaveLength(2);
    expect(stage.passed).toContain('proxy asks for a password, gets Basic');
    const upgrade = stage.proxy.last.requests[1];
    expect(upgrade?.headers.get('proxy-authorization')).toBeUndefined();
    // Its name is not looked up again for that.
    expect(stage.steps.filter((step) => step.startsWith('resolving'))).toHaveLength(1);
  });

  it.each([
    ['alone', ['Digest realm="x", nonce="n", qop="auth", algorithm=SHA-256']],
    ['rather than Basic', ['Basic realm="x"', 'Digest realm="x", nonce="n", qop="auth"']],
  ])('gets a Digest, %s', (_name, offers) => {
    const stage = asking(...offers);
    stage.succeeds('https://r.example:8443/', login);
    const [first, second] = sent(stage);
    expect(first).toBeUndefined();
    expect(second).toMatch(
      /^Digest username="user", realm="x", nonce="n", uri="r\.example:8443", response="/,
    );
    expect(second).not.toContain('secret');
  });

  const digest = (nonce: string, more = '') => `Digest realm="x", nonce="${nonce}", qop="auth"${more}`;

  it('gets another Digest when the nonce was too old', () => {
    let round = 0;
    const stage = new Proxied(() =>
      ++round === 3 ? CONNECTED : challenge(digest(`n${round}`, round === 2 ? ', stale=TRUE' : '')),
    );
    stage.succeeds('https://r.example/', login);
    expect(sent(stage).map((header) => /nonce="(\w+)"/.exec(header ?? '')?.[1])).toEqual([
      undefined,
      'n1',
      'n2',
    ]);
  });

  it('gets no more when each nonce is too old', () => {
    const stage = new Proxied(challenge(digest('n', ', stale=true')));
    expect(stage.fails('https://r.example/', login).message).toContain('was not accepted');
    expect(stage.asked.length).toBeLessThanOrEqual(3);
  });

  it('over TLS gets them within TLS', () => {
    const stage = new Proxied(
      ({ headers }) => (headers.get('proxy-authorization') ? CONNECTED : challenge('Basic realm="x"')),
      443,
    );
    stage.succeeds('https://r.example/', by('https://user:secret@p.example'));
    expect(stage.tlsAsked.map(({ serverName }) => serverName)).toEqual([
      'p.example',
      'p.example',
      'r.example',
    ]);
  });

  it.each([
    ['there are none', 'http://p.example:3128', ['Basic realm="x"'], 'it wants a user and a password'],
    [
      'they are wrong',
      'http://user:secret@p.example:3128',
      ['Basic realm="x"'],
      'user or password was not accepted',
    ],
    [
      'it knows only other schemes',
      'http://user:secret@p.example:3128',
      ['Negotiate', 'NTLM'],
      'it offers negotiate, ntlm, possible are Digest (MD5, SHA-256) and Basic',
    ],
    [
      'it does not say which',
      'http://user:secret@p.example:3128',
      ['"'],
      'it offers no scheme, possible are Digest (MD5, SHA-256) and Basic',
    ],
  ])('refuses when %s', (_name, proxy, offers, reason) => {
    const stage = new Proxied(challenge(...offers));
    const failure = stage.fails('https://r.example/', by(proxy));
    expect(failure).toMatchObject({
      step: 'proxy',
      kind: 'refusal',
      message: `proxy p.example:3128 answered 407 Who?: ${reason}`,
    });
    expect(stage.asked.length).toBeLessThanOrEqual(2);
    expect(JSON.stringify([failure, stage.steps, stage.passed, stage.tried])).not.toContain('secret');
  });

  it('and answers wrong ones with 401 refuses, too', () => {
    const stage = new Proxied(({ headers }) =>
      headers.get('proxy-authorization') ? 'HTTP/1.1 401 Unauthorized\r\n\r\n' : challenge('Basic realm="x"'),
    );
    expect(stage.fails('https://r.example/', login)).toMatchObject({
      kind: 'refusal',
      message: 'proxy p.example:3128 answered 401 Unauthorized: user or password was not accepted',
    });
  });

  it('does not get those of another', () => {
    const stage = asking('Basic realm="x"');
    stage.host.network.names.set('q.example', ['203.0.113.9']);
    stage.fails('https://r.example/', by('http://q:other@q.example:1', 'http://p.example:3128'));
    expect(sent(stage)).toEqual([undefined]);
  });
});
