import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Authority } from '../certificates/authority.ts';
import { root } from '../checkout.ts';
import { AgentProcess } from '../scenarios/stage/agent-process.ts';
import { Stage } from '../scenarios/stage/stage.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';

/** The agents of both hosts, as `npm test` has made them. */
const agents = [['node', 'dist/node/rm-agent.mjs'], ['dist/x86_64/rm-agent']].filter((words) =>
  existsSync(join(root, words.at(-1) ?? '')),
);

let authority: Authority;
let other: Authority;
let stage: Stage;
let system: RemoteSystem;

beforeEach(async () => {
  [authority, other, stage] = [new Authority(), new Authority(), new Stage()];
  const { certFile, keyFile } = authority.issue();
  const tls = ['--tls-cert', certFile, '--tls-key', keyFile, '--client-ca', clientCa()];
  system = await RemoteSystem.start({ services: [], agent: null, reflector: tls });
});

afterEach(async () => {
  await stage.end();
  await system.stop();
  authority.remove();
  other.remove();
});

/** A copy that a test may change. */
function clientCa(): string {
  const path = join(stage.directory, 'clients.pem');
  copyFileSync(authority.file, path);
  return path;
}

function administer(...args: readonly string[]): string {
  const program = join(root, 'reflector-minimal/dist/main.js');
  const data = ['--data', join(system.directory, 'reflector.sqlite')];
  const { stdout, stderr } = spawnSync(process.execPath, [program, ...args, ...data], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout;
}

/** An agent with this certificate, and with a password only if one is given. */
function agentWith(command: readonly string[], own: object, password = '', id = deviceId): AgentProcess {
  const file = stage.file(
    JSON.stringify({
      reflector: `https://127.0.0.1:${system.port}/`,
      device: { id, domain: system.domain, password },
      services: [{ port: 80, kind: 'http' }],
      control: null,
      stateFile: null,
      reconnect: { min: 1, max: 1, refusedMax: 1 },
      tls: { ca: authority.file, ...own },
    }),
  );
  return stage.adopt(AgentProcess.start(['--config', file], {}, command));
}

/** The device is made anew, for certificates of any age. */
function forCertificates(): void {
  administer('device', 'remove', deviceId);
  const domain = ['--domain', system.domain];
  administer('device', 'add', deviceId, ...domain, '--certificate', '--issued-since', '2020-01-01');
}

/** As OpenSSL takes it. */
function now(offsetMs = 0): string {
  return `${new Date(Date.now() + offsetMs).toISOString().replaceAll(/\D/g, '').slice(0, 14)}Z`;
}

const files = ({ certFile, keyFile }: { certFile: string; keyFile: string }) => ({
  cert: certFile,
  key: keyFile,
});

describe.each(agents.map((command) => [command.join(' '), command] as const))('%s', (_name, command) => {
  it('is let in by its certificate, without a password', async () => {
    forCertificates();
    for (const options of [
      { name: deviceId, key: 'rsa' },
      { names: `email:${deviceId}@${system.domain}` },
      { names: `URI:device:${deviceId}`, extensions: ['extendedKeyUsage=clientAuth'] },
    ] as const) {
      const agent = agentWith(command, files(authority.issue(options)));
      await agent.logged(/connected to https:/);
      agent.signal('SIGTERM');
      await agent.ended();
    }
  });

  it('is kept out with another one, and told why', async () => {
    forCertificates();
    const refused = /answered 401 .*the client certificate is not accepted/;
    for (const [certificate, line] of [
      [other.issue({ name: deviceId }), refused],
      [authority.issue({ name: deviceId, until: '20210101000000Z' }), refused],
      [authority.issue({ name: deviceId, extensions: ['extendedKeyUsage=serverAuth'] }), refused],
      [authority.issue({ name: 'device-2' }), /answered 401 .*the client certificate is of no such device/],
    ] as const) {
      await agentWith(command, files(certificate)).logged(line);
    }
    await agentWith(command, {}).logged(/answered 401 /);
  });

  it('is let in by its password without a certificate, unless it is to have one', async () => {
    await agentWith(command, {}, 'device password').logged(/connected to https:/);
    expect(administer('device', 'add', 'strict', '--certificate')).not.toMatch(/password/);
    await agentWith(command, {}, 'device password', 'strict').logged(/answered 401 /);
    const fresh = authority.issue({ name: 'strict', from: now() });
    await agentWith(command, files(fresh), '', 'strict').logged(/connected to/);
  });

  it('of a device that was given up opens nothing to its holder', async () => {
    forCertificates();
    const held = files(authority.issue({ name: deviceId, from: now(-5_000) }));
    const agent = agentWith(command, held);
    await agent.logged(/connected to https:/);
    administer('device', 'remove', deviceId);
    administer('device', 'add', deviceId, '--domain', system.domain, '--certificate');
    await agent.logged(/answered 401 .*the client certificate was issued at/);
    administer('device', 'remove', deviceId);
    administer('device', 'add', deviceId, '--domain', system.domain);
    await agentWith(command, held).logged(/answered 401 .*was added without --certificate/);
  });

  it('follows new authorities of the reflector after SIGHUP, whatever it has open, and whatever session', async () => {
    forCertificates();
    const agent = agentWith(command, files(authority.issue({ name: deviceId })));
    await agent.logged(/connected to https:/);
    const before = agent.log.length;
    copyFileSync(other.file, join(stage.directory, 'clients.pem'));
    system.reflector.kill('SIGHUP');
    await agent.logged(/closed by the reflector \(1008\): the client certificate does not count/, before);
    await agent.logged(/answered 401 .*the client certificate is not accepted/, before);
    rmSync(join(stage.directory, 'clients.pem'));
  });
});
