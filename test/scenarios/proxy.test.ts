import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { reservedPort } from '../system/loopback-port.ts';
import { authorityOfFile } from './stage/authority-of-file.ts';
import { runsUnder } from './stage/features.ts';
import { LocalService } from './stage/local-service.ts';
import { expectNoSecret } from './stage/proxy-secret.ts';
import type { Upgrade } from './stage/reflector.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';
import { briefly } from './stage/wait.ts';

/** Proxies, of the configuration and of the environment. */

const authority = authorityOfFile();
const other = authorityOfFile();

const patient = { reconnect: { min: 600, max: 600 } };
const loud = { log: { level: 'debug' } };

/** Takes the upgrade and sends something there and back. */
async function expectWorking(upgrade: Upgrade, echo: LocalService): Promise<void> {
  const tunnel = upgrade.accept();
  await tunnel.open(1, echo.port);
  await tunnel.sendData(1, Buffer.from('through a proxy'), 2048);
  await tunnel.expectText(1, 'through a proxy');
}

const basic = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`;
const WHO = '407 Proxy Authentication Required';

describe.concurrent('an HTTP proxy', () => {
  scenario.for(['http', 'https'])('leads to an %s: reflector', async (scheme, { stage }) => {
    const echo = await stage.service(LocalService.echo);
    const proxy = await stage.httpProxy();
    const reflector = await stage.reflector(scheme === 'https' ? authority().issue() : undefined);
    stage.agent(
      configuration(reflector, [echo.port], {
        proxy: `http://127.0.0.1:${proxy.port}`,
        tls: { ca: authority().file },
      }),
    );
    const request = await proxy.request();
    expect(request.target).toBe(`127.0.0.1:${reflector.port}`);
    expect(request.header('Host')).toBe(request.target);
    expect(request.header('Authorization')).toBeUndefined();
    request.accept();
    await expectWorking(await reflector.upgrade(), echo);
  });

  scenario.for(['http', 'https'])('may speak TLS itself, to an %s: reflector', async (scheme, { stage }) => {
    const echo = await stage.service(LocalService.echo);
    const proxy = await stage.httpProxy(authority().issue());
    const reflector = await stage.reflector(scheme === 'https' ? authority().issue() : undefined);
    stage.agent(
      configuration(reflector, [echo.port], {
        proxy: `https://127.0.0.1:${proxy.port}`,
        tls: { ca: authority().file },
      }),
    );
    (await proxy.request()).accept();
    await expectWorking(await reflector.upgrade(), echo);
  });

  scenario('whose certificate is not trusted gets nothing', async ({ stage }) => {
    const proxy = await stage.httpProxy(other().issue());
    const reflector = await stage.reflector(authority().issue());
    const agent = stage.agent(
      configuration(reflector, [1], {
        proxy: `https://user:proxy-s3cret@127.0.0.1:${proxy.port}`,
        tls: { ca: authority().file },
        ...patient,
      }),
    );
    expect(await agent.logged(/not connected/)).toMatch(
      new RegExp(`proxy 127\\.0\\.0\\.1:${proxy.port}: .*certificate`, 'i'),
    );
    expect(proxy.pending).toBe(0);
    expectNoSecret(agent);
  });

  scenario.for([
    ['403 Forbidden', /403 Forbidden/],
    ['502 Bad Gateway', /502 Bad Gateway/],
    ['302 Found\r\nLocation: http://127.0.0.1:1/', /302 Found/],
  ] as const)('that answers "%s" is named with its answer', async ([status, pattern], { stage }) => {
    const proxy = await stage.httpProxy();
    const agent = stage.agent(
      configuration('http://127.0.0.1:1/', [1], { proxy: `http://127.0.0.1:${proxy.port}`, ...patient }),
    );
    (await proxy.request()).refuse(status);
    const line = await agent.logged(/not connected/);
    expect(line).toMatch(pattern);
    expect(line).toContain(`proxy 127.0.0.1:${proxy.port}`);
  });

  scenario.for([
    'SSH-2.0-OpenSSH_9.2\r\n\r\n',
    'HTTP/1.1 200 OK\r\n\r\n<html>',
    `HTTP/1.1 200 ${'x'.repeat(100_000)}`,
  ])('that answers wrongly is left', async (answer, { stage }) => {
    const proxy = await stage.httpProxy();
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1], { proxy: [`http://127.0.0.1:${proxy.port}`, 'direct'] }));
    (await proxy.request()).socket.write(answer);
    await reflector.tunnel();
  });

  scenario('that does not answer is left when its time is up', async ({ stage }) => {
    const proxy = await stage.httpProxy();
    const reflector = await stage.reflector();
    const agent = stage.agent(
      configuration(reflector, [1], {
        proxy: [`http://127.0.0.1:${proxy.port}`, 'direct'],
        timeouts: { connect: briefly },
      }),
    );
    await proxy.request();
    await reflector.tunnel();
    expect(await agent.logged(/tried first/)).toContain(`proxy 127.0.0.1:${proxy.port}: no answer within`);
  });

  scenario('that ends a live tunnel is asked again', async ({ stage }) => {
    const proxy = await stage.httpProxy();
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, [1], { proxy: `http://127.0.0.1:${proxy.port}` }));
    for (let round = 0; round < 2; round++) {
      const request = await proxy.request();
      request.accept();
      await reflector.tunnel();
      request.socket.destroy();
    }
  });
});

describe.concurrent('an HTTP proxy that wants a password', () => {
  async function start(stage: Stage, more: object = {}) {
    const proxy = await stage.httpProxy();
    const reflector = await stage.reflector();
    const agent = stage.agent(
      configuration(reflector, [1], {
        proxy: `http://me:proxy-s3cret@127.0.0.1:${proxy.port}`,
        ...loud,
        ...more,
      }),
    );
    return { proxy, reflector, agent };
  }

  scenario('with Basic gets it when it asks, and nobody else does', async ({ stage }) => {
    const { proxy, reflector, agent } = await start(stage);
    const first = await proxy.request();
    expect(first.header('Proxy-Authorization')).toBeUndefined();
    first.refuse(WHO, 'Proxy-Authenticate: Basic realm="x"');
    const second = await proxy.request();
    expect(second.header('Proxy-Authorization')).toBe(basic('me:proxy-s3cret'));
    second.accept();
    const upgrade = await reflector.upgrade();
    expect(upgrade.header('Proxy-Authorization')).toBeUndefined();
    expect(upgrade.header('Authorization')).not.toBe(basic('me:proxy-s3cret'));
    expectNoSecret(agent);
  });

  scenario.for([
    ['MD5', 'md5'],
    ['SHA-256', 'sha256'],
  ] as const)('with Digest (%s) gets a proof of it', async ([algorithm, name], { stage }) => {
    const hash = (text: string) => createHash(name).update(text).digest('hex');
    const { proxy, reflector } = await start(stage);
    const first = await proxy.request();
    first.refuse(
      WHO,
      'Proxy-Authenticate: Basic realm="x"',
      `Proxy-Authenticate: Digest realm="squid", nonce="n0", qop="auth", algorithm=${algorithm}, opaque="o"`,
    );
    const second = await proxy.request();
    const header = second.header('Proxy-Authorization') ?? '';
    expect(header).toMatch(/^Digest /);
    const value = (key: string) => new RegExp(`\\b${key}="?([^",]+)`).exec(header)?.[1];
    expect([value('username'), value('uri'), value('nonce')]).toEqual(['me', second.target, 'n0']);
    const proof = [
      hash('me:squid:proxy-s3cret'),
      'n0',
      value('nc'),
      value('cnonce'),
      'auth',
      hash(`CONNECT:${second.target}`),
    ].join(':');
    expect(value('response')).toBe(hash(proof));
    second.accept();
    await reflector.tunnel();
  });

  scenario('and does not take it is named in one line, without it', async ({ stage }) => {
    const { proxy, agent } = await start(stage, patient);
    for (let i = 0; i < 2; i++) {
      (await proxy.request()).refuse(WHO, 'Proxy-Authenticate: Basic realm="x"');
    }
    const line = await agent.logged(/not connected/);
    expect(line).toContain(`proxy 127.0.0.1:${proxy.port} answered 407`);
    expect(line).toMatch(/password was not accepted/);
    expectNoSecret(agent);
  });

  scenario('reads it anew for each attempt, from its file', async ({ stage }) => {
    const proxy = await stage.httpProxy();
    const reflector = await stage.reflector();
    const file = stage.file('old', 'password');
    stage.agent(
      configuration(reflector, [1], {
        proxy: { uri: `http://127.0.0.1:${proxy.port}`, user: 'me', password: { file } },
        reconnect: { min: 1, max: 1, refusedMax: 1 },
      }),
    );
    (await proxy.request()).refuse(WHO, 'Proxy-Authenticate: Basic realm="x"');
    const wrong = await proxy.request();
    expect(wrong.header('Proxy-Authorization')).toBe(basic('me:old'));
    stage.file('new', 'password');
    wrong.refuse(WHO, 'Proxy-Authenticate: Basic realm="x"');
    (await proxy.request()).refuse(WHO, 'Proxy-Authenticate: Basic realm="x"');
    const right = await proxy.request();
    expect(right.header('Proxy-Authorization')).toBe(basic('me:new'));
    right.accept();
    await reflector.tunnel();
  });
});

describe.concurrent('a SOCKS5 proxy', () => {
  scenario.for([
    ['socks5h', 'localhost', 'name localhost'],
    ['socks5h', '127.0.0.1', 'ipv4 7f000001'],
    ['socks5', '127.0.0.1', 'ipv4 7f000001'],
    ['socks5h', '[::1]', 'ipv6 00000000000000000000000000000001'],
  ] as const)('of scheme %s is asked for %s', async ([scheme, host, destination], { stage }) => {
    const echo = await stage.service(LocalService.echo);
    const proxy = await stage.socksProxy();
    const reflector = await stage.reflector();
    stage.agent(
      configuration(`http://${host}:${reflector.port}/`, [echo.port], {
        proxy: `${scheme}://127.0.0.1:${proxy.port}`,
      }),
    );
    expect(await proxy.requests.next()).toEqual({ destination, port: reflector.port, login: null });
    await expectWorking(await reflector.upgrade(), echo);
  });

  scenario('gets user and password when it asks', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const proxy = await stage.socksProxy('me:proxy-s3cret');
    const reflector = await stage.reflector(authority().issue());
    const agent = stage.agent(
      configuration(reflector, [echo.port], {
        proxy: `socks5h://me:proxy-s3cret@127.0.0.1:${proxy.port}`,
        tls: { ca: authority().file },
        ...loud,
      }),
    );
    expect(await proxy.requests.next()).toMatchObject({ login: 'me:proxy-s3cret' });
    await expectWorking(await reflector.upgrade(), echo);
    expectNoSecret(agent);
  });

  scenario.for([
    ['me:proxy-s3cret-but-wrong@', /password was not accepted/],
    ['', /wants a user and a password/],
  ] as const)('refuses "%s" in one line', async ([login, reason], { stage }) => {
    const proxy = await stage.socksProxy('me:right');
    const agent = stage.agent(
      configuration('http://127.0.0.1:1/', [1], {
        proxy: `socks5h://${login}127.0.0.1:${proxy.port}`,
        ...patient,
        ...loud,
      }),
    );
    const line = await agent.logged(/not connected/);
    expect(line).toContain(`proxy 127.0.0.1:${proxy.port}`);
    expect(line).toMatch(reason);
    expectNoSecret(agent);
  });

  scenario('that cannot connect says why', async ({ stage }) => {
    const proxy = await stage.socksProxy();
    const port = await reservedPort();
    const agent = stage.agent(
      configuration(`http://127.0.0.1:${port}/`, [1], {
        proxy: `socks5h://127.0.0.1:${proxy.port}`,
        ...patient,
      }),
    );
    expect(await agent.logged(/not connected/)).toContain(
      `proxy 127.0.0.1:${proxy.port} cannot connect to 127.0.0.1 port ${port}: connection refused`,
    );
  });
});

describe.concurrent('"proxy": "env"', () => {
  scenario.for([
    ['http_proxy', '', true],
    ['all_proxy', '', true],
    ['ALL_PROXY', '', true],
    ['HTTP_PROXY', '', false],
    ['https_proxy', '', false],
    ['http_proxy', '127.0.0.0/8', false],
    ['http_proxy', '*', false],
    ['http_proxy', '.example.com, 127.0.0.1', false],
    ['http_proxy', '127.0.0.1:1', true],
  ] as const)('with %s and no_proxy="%s"', async ([variable, noProxy, used], { stage }) => {
    const proxy = await stage.httpProxy();
    const reflector = await stage.reflector();
    const environment = { [variable]: `http://127.0.0.1:${proxy.port}`, no_proxy: noProxy };
    stage.agent(configuration(reflector, [1], { proxy: 'env' }), environment);
    if (used) (await proxy.request()).accept();
    await reflector.tunnel();
    expect(proxy.pending).toBe(0);
  });

  // The library notifies no program.
  scenario.skipIf(runsUnder('library'))(
    'keeps its password from the programs that the agent runs',
    async ({ stage }) => {
      const proxy = await stage.httpProxy();
      const echo = await stage.service(LocalService.echo);
      const reflector = await stage.reflector();
      const seen = join(stage.directory, 'seen');
      const program = (name: string) => ['/bin/sh', stage.file(`echo ${name} >> ${seen}; env >> ${seen}`)];
      const configured = configuration(reflector, [echo.port], {
        proxy: 'env',
        device: { id: 'i', domain: 'd', properties: { uptime: { command: program('property') } } },
        access: { mode: 'consent', ask: program('ask') },
        notify: { command: program('notify') },
      });
      const uri = `http://me:proxy-s3cret@127.0.0.1:${proxy.port}`;
      const agent = stage.agent(configured, { http_proxy: uri, HTTP_PROXY: uri, all_proxy: uri });
      (await proxy.request()).accept();
      const tunnel = await reflector.tunnel();
      await tunnel.open(1, echo.port);
      agent.signal('SIGTERM');
      await agent.ended();
      const text = readFileSync(seen, 'utf8');
      for (const name of ['property', 'ask', 'notify']) expect(text).toContain(`${name}\n`);
      expect(text).not.toContain('proxy-s3cret');
    },
  );

  scenario('that is of no use is named, without its value', async ({ stage }) => {
    const agent = stage.agent(configuration('http://127.0.0.1:1/', [1], { proxy: 'env', ...patient }), {
      http_proxy: 'ftp://me:proxy-s3cret@127.0.0.1',
    });
    expect(await agent.logged(/not connected/)).toContain('http_proxy');
    expectNoSecret(agent);
  });
});
