import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { describe, expect, vi } from 'vitest';
import { openssl } from '../certificates/openssl.ts';
import { authorityOfFile } from './stage/authority-of-file.ts';
import type { Reflector } from './stage/reflector.ts';
import { type Configuration, configuration, deviceId, domain, type Stage, scenario } from './stage/stage.ts';
import { patience, slow } from './stage/wait.ts';

/** The exchange by which a device gets its password or certificate (`docs/server/enrolment.md`). */

const authority = authorityOfFile();
const key = 'rme_0123456789abcdefghijklmnop';
const digest = (text: string) => createHash('sha256').update(text).digest();

function enrolling(
  stage: Stage,
  reflector: Reflector,
  enroll: object,
  more: Configuration = {},
): Configuration {
  return configuration(reflector, [9], {
    device: { id: deviceId, enroll: { hardware: 'board 1', ...enroll } },
    stateFile: join(stage.directory, 'state'),
    control: join(stage.directory, 'control.sock'),
    ...more,
  });
}

function password(secret: unknown, hardware: string): string {
  return digest(`${secret}:${digest(hardware).toString('hex')}`).toString('base64');
}

const basic = (user: string, secret: string) =>
  `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;

describe.concurrent('enrolment', () => {
  scenario('exchanges the key once, for a password of the device', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(enrolling(stage, reflector, { key }));
    const enrolment = await reflector.enrolment();
    const { secret, ...rest } = enrolment.body;
    expect(enrolment.target).toBe('POST /my-devices/api/enroll');
    expect(rest).toEqual({ id: deviceId, domain: null, key, hardware: digest('board 1').toString('hex') });
    const state = join(stage.directory, 'state');
    expect(readFileSync(state, 'utf8')).toBe(`secret ${secret}\n`);
    enrolment.reply(200, { domain });
    const authorization = basic(`${deviceId}@${domain}`, password(secret, 'board 1'));
    const upgrade = await reflector.upgrade();
    expect(upgrade.header('Authorization')).toBe(authorization);
    await upgrade.accept().established();
    expect(statSync(state).mode & 0o777).toBe(0o600);
    agent.signal('SIGTERM');
    await agent.ended();
    expect(agent.log.join('\n')).not.toContain(String(secret));
    stage.agent(enrolling(stage, reflector, { key }));
    const again = await reflector.upgrade();
    expect(again.header('Authorization')).toBe(authorization);
    again.accept();
  });

  scenario('asks the same again when it is killed before it has the reply', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(enrolling(stage, reflector, { key }));
    const first = await reflector.enrolment();
    agent.signal('SIGKILL');
    await agent.ended();
    stage.agent(enrolling(stage, reflector, { key }));
    const second = await reflector.enrolment();
    expect(second.body).toEqual(first.body);
    second.reply(200, { domain });
    await reflector.tunnel();
  });

  scenario('shows a code while it waits for a person', async ({ stage }) => {
    const reflector = await stage.reflector();
    const config = stage.file(JSON.stringify(enrolling(stage, reflector, {})), 'rm-agent.json');
    const agent = stage.run(['--config', config]);
    (await reflector.enrolment()).reply(202, { code: 'K7QF-3MXD' }, { 'Retry-After': '1' });
    const again = await reflector.enrolment();
    const status = stage.run(['status', '--config', config]);
    expect((await status.ended()).status).toBe(0);
    expect(status.output).toMatch(/^code: +K7QF-3MXD, for the operator of the server$/m);
    again.reply(200, { domain });
    await reflector.tunnel();
    await agent.logged(new RegExp(`enrolled as ${deviceId}@${domain}`));
  });

  scenario('asks anew on other hardware, with the secret of the first', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(enrolling(stage, reflector, { key }));
    const first = await reflector.enrolment();
    first.reply(200, { domain });
    await (await reflector.tunnel()).established();
    agent.signal('SIGTERM');
    await agent.ended();
    const copy = stage.agent(enrolling(stage, reflector, { key, hardware: 'board 2' }));
    const second = await reflector.enrolment();
    expect(second.body.secret).toBe(first.body.secret);
    expect(second.body.hardware).not.toBe(first.body.hardware);
    second.reply(202, { code: 'AAAA-BBBB', title: 'The hardware is another one' });
    await copy.logged(
      /this device waits to be accepted; its code is AAAA-BBBB \(202 The hardware is another one\)/,
    );
    expect(reflector.pending).toBe(0);
  });

  scenario('takes the ID from a program', async ({ stage }) => {
    const reflector = await stage.reflector();
    const device = {
      id: { command: ['/bin/echo', 'sn-99'] },
      enroll: { hardware: { command: '/bin/echo b' } },
    };
    stage.agent(enrolling(stage, reflector, {}, { device }));
    const enrolment = await reflector.enrolment();
    expect(enrolment.body).toMatchObject({ id: 'sn-99', hardware: digest('b').toString('hex') });
    enrolment.reply(200, { domain });
    await reflector.tunnel();
  });

  scenario('goes by the proxy, as the tunnel does', async ({ stage }) => {
    const reflector = await stage.reflector();
    const proxy = await stage.httpProxy();
    stage.agent(enrolling(stage, reflector, { key }, { proxy: `http://127.0.0.1:${proxy.port}` }));
    (await proxy.request()).accept();
    (await reflector.enrolment()).reply(200, { domain });
    (await proxy.request()).accept();
    await reflector.tunnel();
  });

  scenario(
    'with a certificate keeps its key to itself, and renews it beside the tunnel',
    async ({ stage }) => {
      const issuer = authority();
      const ca = readFileSync(issuer.file);
      const tls = { ...issuer.issue(), ca, requestCert: true, rejectUnauthorized: false };
      const reflector = await stage.reflector(tls);
      const issued = (request: unknown) => {
        const lines = (String(request).match(/.{1,64}/g) ?? []).join('\n');
        stage.file(
          `-----BEGIN CERTIFICATE REQUEST-----\n${lines}\n-----END CERTIFICATE REQUEST-----\n`,
          'device.csr',
        );
        const files = ['-in', 'device.csr', '-out', 'device.pem', '-CA', issuer.file, '-CAcreateserial'];
        const signing = ['-CAkey', join(issuer.directory, 'ca.key'), '-days', '1'];
        openssl(['x509', '-req', ...files, ...signing], stage.directory);
        return readFileSync(join(stage.directory, 'device.pem'), 'utf8');
      };
      stage.agent(
        enrolling(stage, reflector, { key, credential: 'certificate' }, { tls: { ca: issuer.file } }),
      );
      const enrolment = await reflector.enrolment();
      expect((enrolment.socket as TLSSocket).getPeerCertificate()).toEqual({});
      const certificate = issued(enrolment.body.request);
      // Later than the tunnel is there, on the slowest machine.
      const soon = Date.now() + 20_000 * slow;
      enrolment.reply(200, { domain, certificate, renewAt: soon });
      const upgrade = await reflector.upgrade();
      const socket = upgrade.socket as TLSSocket;
      expect(socket.authorized).toBe(true);
      expect(socket.getPeerCertificate().subject.CN).toBe(deviceId);
      const tunnel = upgrade.accept();
      expect(await tunnel.established()).toBe(true);
      const state = () => readFileSync(join(stage.directory, 'state'), 'utf8');
      expect(state()).toMatch(/BEGIN EC PRIVATE KEY[\w\W]*BEGIN CERTIFICATE/);
      const renewal = await reflector.enrolment();
      expect(Date.now()).toBeGreaterThanOrEqual(soon);
      const { request: _first, ...same } = enrolment.body;
      expect(renewal.body).toMatchObject(same);
      const renewed = issued(renewal.body.request);
      renewal.reply(200, { domain, certificate: renewed, renewAt: 4_102_444_800_000 });
      await vi.waitUntil(() => state().includes(renewed.trim()), { timeout: patience });
      expect(state()).not.toContain(certificate.trim());
      expect(reflector.pending).toBe(0);
      expect(await tunnel.established()).toBe(true);
    },
  );

  scenario('leads from nothing to on line in one line', async ({ stage }) => {
    const reflector = await stage.reflector();
    const config = join(stage.directory, 'rm-agent.json');
    const environment = { RM_STATE_DIR: stage.directory };
    stage.run(['enroll', reflector.uri, key, '--config', config], environment);
    const enrolment = await reflector.enrolment();
    expect(enrolment.body.key).toBe(key);
    expect(statSync(config).mode & 0o777).toBe(0o600);
    enrolment.reply(200, { domain });
    const upgrade = await reflector.upgrade();
    expect(upgrade.header('Authorization')).toBe(
      basic(
        `${enrolment.body.id}@${domain}`,
        digest(`${enrolment.body.secret}:${enrolment.body.hardware}`).toString('base64'),
      ),
    );
    upgrade.accept();
  });
});
