import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authority } from '../certificates/authority.ts';
import { Microsocks } from '../proxies/microsocks.ts';
import { login } from '../proxies/proxy-process.ts';
import { Squid } from '../proxies/squid.ts';
import { Tinyproxy } from '../proxies/tinyproxy.ts';
import { AgentProcess } from '../scenarios/stage/agent-process.ts';
import { curl } from '../system/curl.ts';
import { DemoDevice } from '../system/demo-device.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';

/** Other people's proxies between agent and reflector, each of which wants a password. */

const agents = [
  ['node', ['node', 'dist/node/rm-agent.mjs']],
  ['x86_64', ['dist/x86_64/rm-agent']],
] as const;

const authority = new Authority();
let basic: Squid;
let digest: Squid;
let tinyproxy: Tinyproxy;
let microsocks: Microsocks;
let device: DemoDevice;

beforeAll(async () => {
  const certificate = authority.issue();
  basic = await Squid.start('basic', certificate);
  digest = await Squid.start('digest', certificate);
  tinyproxy = await Tinyproxy.start();
  microsocks = await Microsocks.start();
  device = await DemoDevice.start();
});

afterAll(async () => {
  await device?.stop();
  for (const proxy of [basic, digest, tinyproxy, microsocks]) await proxy?.stop();
  authority.remove();
});

interface Way {
  readonly name: string;
  /** Without user and password. */
  uri(): string;
  readonly password?: string;
  /** What the log of the proxy has of a connection to this port. */
  passed(port: number): boolean;
  /** What the agent says of a wrong password. */
  readonly refusal: RegExp;
}

const connected = (squid: Squid, port: number) =>
  readFileSync(join(squid.directory, 'access.log'), 'utf8').includes(
    `CONNECT 127.0.0.1:${port} ${login.user}`,
  );
const unaccepted = /answered 40[17] .*: user or password was not accepted/;

const ways: readonly Way[] = [
  {
    name: 'squid with Basic',
    uri: () => `http://127.0.0.1:${basic.port}`,
    passed: (port) => connected(basic, port),
    refusal: unaccepted,
  },
  {
    name: 'squid with Basic over TLS',
    uri: () => `https://127.0.0.1:${basic.tlsPort}`,
    passed: (port) => connected(basic, port),
    refusal: unaccepted,
  },
  {
    name: 'squid with Digest',
    uri: () => `http://127.0.0.1:${digest.port}`,
    passed: (port) => connected(digest, port),
    refusal: unaccepted,
  },
  {
    name: 'squid with Digest over TLS',
    uri: () => `https://127.0.0.1:${digest.tlsPort}`,
    passed: (port) => connected(digest, port),
    refusal: unaccepted,
  },
  {
    name: 'tinyproxy with Basic',
    uri: () => `http://127.0.0.1:${tinyproxy.port}`,
    password: Tinyproxy.password,
    passed: (port) => tinyproxy.output.includes(`CONNECT 127.0.0.1:${port} HTTP/1.1`),
    refusal: unaccepted,
  },
  {
    name: 'microsocks',
    uri: () => `socks5h://127.0.0.1:${microsocks.port}`,
    passed: (port) => microsocks.output.includes(`connected to 127.0.0.1:${port}`),
    refusal: /refused us: user or password was not accepted/,
  },
];

/** With the password in the URI, as users write it. */
function withLogin(uri: string, password: string): string {
  return uri.replace('://', `://${login.user}:${encodeURIComponent(password)}@`);
}

describe.each(agents)('the agent %s', (_, agent) => {
  test.each(ways)('gets out through $name', async ({ uri, passed, password = login.password }) => {
    const system = await RemoteSystem.start({
      services: [{ port: device.port, kind: 'http' }],
      agent,
      configuration: { proxy: withLogin(uri(), password), tls: { ca: authority.file } },
    });
    try {
      const size = 1 << 20;
      const { output, errors } = await curl(system, [`${system.url}/download?bytes=${size}`]);
      expect([errors, output.length]).toEqual(['', size]);
      // squid writes its log line when a connection has ended.
      await system.stop();
      await expect.poll(() => passed(system.port), { timeout: 120_000 }).toBe(true);
      expect(system.agent?.log.join('\n')).not.toContain(password);
      expect(system.agent?.log.join('\n')).not.toContain(encodeURIComponent(password));
    } finally {
      await system.stop();
    }
  });

  test.each(ways)('is told by $name in one line that the password is wrong', async ({ uri, refusal }) => {
    const file = join(authority.directory, 'rm-agent.json');
    const configuration = {
      reflector: 'http://127.0.0.1:9/',
      device: { id: deviceId, domain: 'd' },
      services: [{ port: 80 }],
      proxy: withLogin(uri(), 'wr0ng'),
      tls: { ca: authority.file },
      control: null,
      stateFile: null,
    };
    writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
    const process = AgentProcess.start(['--config', file], {}, agent);
    try {
      const line = await process.logged(/not connected/);
      expect(line).toMatch(refusal);
      expect(line).toContain(`proxy ${uri().replace(/^.*:\/\//, '')} `);
      expect(process.log.join('\n')).not.toContain('wr0ng');
      expect(process.log.filter((one) => one.includes('proxy'))).toHaveLength(1);
    } finally {
      process.signal('SIGTERM');
      await process.ended();
    }
  });
});
