import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { Authority } from '../certificates/authority.ts';
import { openssl } from '../certificates/openssl.ts';
import { AedesBroker } from '../mqtt/aedes-broker.ts';
import { Mosquitto } from '../mqtt/mosquitto.ts';
import { Operator } from '../mqtt/operator.ts';
import { reservedPort } from '../system/loopback-port.ts';
import { lacks } from './stage/features.ts';
import { configuration, deviceId, domain, type Stage, scenario } from './stage/stage.ts';

const base = `rm/${domain}/${deviceId}`;
const status = `${base}/status`;
const command = (id: string) => `${base}/cmd/tunnel/${id}`;

const brokers = {
  mosquitto: () => Mosquitto.run(),
  aedes: () => AedesBroker.run(),
} as const;

async function brokerFor(stage: Stage, name: keyof typeof brokers = 'mosquitto') {
  const broker = await brokers[name]();
  stage.ends(() => broker.stop());
  return broker;
}

async function operatorAt(stage: Stage, broker: { readonly port: number }): Promise<Operator> {
  const operator = await Operator.at(broker);
  stage.ends(() => operator.close());
  return operator;
}

async function agentAt(stage: Stage, mqtt: object, more: object = {}) {
  const reflector = await stage.reflector();
  const agent = stage.agent(configuration(reflector, [80], { start: 'onDemand', mqtt, ...more }));
  return { reflector, agent };
}

const versions = { mosquitto: ['5', '3.1.1'], aedes: ['3.1.1'] } as const;
const rows = (['mosquitto', 'aedes'] as const).flatMap((name) =>
  versions[name].map((version) => ({ name, version })),
);

describe.skipIf(lacks('mqtt')).concurrent('MQTT', () => {
  scenario.for(rows)(
    'opens the tunnel on demand: $name, MQTT $version',
    async ({ name, version }, { stage }) => {
      const broker = await brokerFor(stage, name);
      const operator = await operatorAt(stage, broker);
      const { reflector, agent } = await agentAt(stage, { broker: broker.uri, version });
      const online = await operator.until(status, ({ state }) => state === 'online');
      expect(online).toMatchObject({ tunnel: 'stopped', seq: 1 });
      expect(reflector.pending).toBe(0);
      operator.publish(command('one'), { status: 'init', for: 600 }, true);
      await operator.until(command('one'), (report) => report.status === 'executing');
      await reflector.tunnel();
      const report = await operator.until(command('one'), (report) => report.status === 'successful');
      expect(report.boot).toBe(online.boot);
      expect(Date.parse(String(report.until))).toBeGreaterThan(Date.now());
      await operator.until(status, ({ tunnel }) => tunnel === 'connected');
      agent.signal('SIGTERM');
      await operator.until(status, ({ state }) => state === 'offline');
      expect((await agent.ended()).status).toBe(0);
    },
  );

  scenario('answers what it cannot do, and nothing twice', async ({ stage }) => {
    const broker = await brokerFor(stage);
    const operator = await operatorAt(stage, broker);
    await agentAt(stage, { broker: broker.uri }, { start: 'disabled' });
    await operator.until(status, ({ tunnel }) => tunnel === 'disabled');
    operator.publish(command('a'), { status: 'init', for: 600 });
    expect(await operator.until(command('a'), (report) => report.status !== 'init')).toMatchObject({
      status: 'failed',
      reason: 'disabled',
    });
    operator.publish(command('b'), { status: 'init', until: '2001-01-01T00:00:00Z' });
    expect(await operator.until(command('b'), (report) => report.status !== 'init')).toMatchObject({
      status: 'failed',
      reason: 'expired',
    });
    operator.publish(command('c'), { status: 'init', until: true });
    expect(await operator.until(command('c'), (report) => report.status !== 'init')).toMatchObject({
      status: 'failed',
      reason: 'malformed',
    });
    operator.publish(command('a'), { status: 'init', for: 600 });
    operator.publish(command('d'), { status: 'init', for: -1 });
    const next = await operator.until(command('d'), (report) => report.status !== 'init');
    expect(next).toMatchObject({ status: 'failed', reason: 'expired' });
  });

  scenario('comes back after a restart of the broker', async ({ stage }) => {
    const broker = await Mosquitto.run();
    stage.ends(() => broker.stop());
    const before = await operatorAt(stage, broker);
    const { reflector } = await agentAt(stage, { broker: broker.uri });
    const first = await before.until(status, ({ state }) => state === 'online');
    await broker.end();
    await broker.restart();
    const operator = await operatorAt(stage, broker);
    const again = await operator.until(status, ({ state }) => state === 'online');
    expect(again).toMatchObject({ boot: first.boot });
    operator.publish(command('after'), { status: 'init', for: 60 });
    await reflector.tunnel();
    await operator.until(command('after'), (report) => report.status === 'successful');
  });

  scenario('corrects a stale status, and finishes what an earlier start has begun', async ({ stage }) => {
    const broker = await brokerFor(stage);
    const operator = await operatorAt(stage, broker);
    operator.publish(
      command('old'),
      { status: 'executing', boot: 'an earlier one', until: '2101-01-01T00:00:00Z' },
      true,
    );
    const { reflector } = await agentAt(stage, { broker: broker.uri });
    await reflector.tunnel();
    await operator.until(command('old'), (report) => report.status === 'successful');
    operator.publish(status, { state: 'offline', boot: 'an earlier one' }, true);
    await operator.until(status, ({ state }) => state === 'offline');
    await operator.until(status, ({ state, tunnel }) => state === 'online' && tunnel === 'connected');
  });

  scenario('the broker tells of an agent that was killed', async ({ stage }) => {
    const broker = await brokerFor(stage);
    const operator = await operatorAt(stage, broker);
    const { agent } = await agentAt(stage, { broker: broker.uri, version: '3.1.1' });
    const { boot } = await operator.until(status, ({ state }) => state === 'online');
    agent.signal('SIGKILL');
    await agent.ended();
    expect(await operator.until(status, ({ state }) => state === 'offline')).toMatchObject({ boot });
  });

  scenario.skipIf(lacks('tls'))('over TLS, with a client certificate', async ({ stage }) => {
    const authority = new Authority();
    const own = authority.issue({ name: 'device' });
    const { cert, key } = authority.issue();
    const port = await reservedPort();
    const broker = await Mosquitto.run((broker) => [
      `listener ${port} 127.0.0.1`,
      `cafile ${broker.file('ca.pem', readFileSync(authority.file, 'utf8'))}`,
      `certfile ${broker.file('cert.pem', cert)}`,
      `keyfile ${broker.file('key.pem', key)}`,
      'require_certificate true',
      'use_identity_as_username true',
    ]);
    stage.ends(() => broker.stop());
    const operator = await operatorAt(stage, broker);
    const tls = { ca: authority.file, cert: own.certFile, key: own.keyFile };
    const { agent } = await agentAt(stage, { broker: `mqtts://127.0.0.1:${port}`, tls });
    await agent.logged(/info connected to the MQTT broker/);
    await operator.until(status, ({ state }) => state === 'online');
  });

  scenario('over WebSocket, with a password and through a proxy', async ({ stage }) => {
    const port = await reservedPort();
    const proxy = await stage.httpProxy();
    const broker = await Mosquitto.run((broker) => {
      const passwords = broker.file('passwords', 'device:s3cret\n');
      execFileSync('mosquitto_passwd', ['-U', passwords]);
      return [`listener ${port} 127.0.0.1`, 'protocol websockets', `password_file ${passwords}`];
    });
    stage.ends(() => broker.stop());
    const operator = await operatorAt(stage, broker);
    const mqtt = { broker: `ws://127.0.0.1:${port}`, user: 'device', password: 's3cret' };
    const { agent } = await agentAt(stage, mqtt, { proxy: `http://127.0.0.1:${proxy.port}` });
    const request = await proxy.request();
    expect(request.target).toBe(`127.0.0.1:${port}`);
    request.accept();
    await agent.logged(/info connected to the MQTT broker/);
    await operator.until(status, ({ state }) => state === 'online');
  });

  scenario('follows a changed configuration after SIGHUP, as the same start', async ({ stage }) => {
    const [old, other] = [await brokerFor(stage), await brokerFor(stage)];
    const [before, after] = [await operatorAt(stage, old), await operatorAt(stage, other)];
    const reflector = await stage.reflector();
    const write = (mqtt: object) =>
      stage.file(
        JSON.stringify(configuration(reflector, [80], { start: 'onDemand', mqtt })),
        'rm-agent.json',
      );
    const agent = stage.run(['--config', write({ broker: old.uri })]);
    const { boot } = await before.until(status, ({ state }) => state === 'online');
    write({ broker: other.uri, prefix: 'site/7' });
    agent.signal('SIGHUP');
    await before.until(status, ({ state }) => state === 'offline');
    const moved = `site/7/${domain}/${deviceId}`;
    expect(await after.until(`${moved}/status`, ({ state }) => state === 'online')).toMatchObject({ boot });
    after.publish(`${moved}/cmd/tunnel/one`, { status: 'init', for: 600 });
    await reflector.tunnel();
    await after.until(`${moved}/cmd/tunnel/one`, (report) => report.status === 'successful');
    write({ broker: 'nonsense' });
    agent.signal('SIGHUP');
    await agent.logged(/the configuration stays as it was: .*mqtt\.broker/);
    after.publish(`${moved}/cmd/tunnel/two`, { status: 'init', for: 600 });
    await after.until(`${moved}/cmd/tunnel/two`, (report) => report.status === 'successful');
  });

  scenario('tells of somebody at the device who disables and enables the tunnel', async ({ stage }) => {
    const broker = await brokerFor(stage);
    const operator = await operatorAt(stage, broker);
    const reflector = await stage.reflector();
    const content = configuration(reflector, [80], {
      start: 'onDemand',
      mqtt: { broker: broker.uri },
      control: join(stage.directory, 'control.sock'),
    });
    const config = stage.file(JSON.stringify(content), 'rm-agent.json');
    stage.run(['--config', config]);
    const local = async (...words: string[]) => {
      const program = stage.run([...words, '--config', config]);
      expect((await program.ended()).status).toBe(0);
      return program.output;
    };
    await operator.until(status, ({ tunnel }) => tunnel === 'stopped');
    operator.publish(command('a'), { status: 'init', for: 600 });
    await reflector.tunnel();
    await operator.until(status, ({ tunnel }) => tunnel === 'connected');

    await local('disable');
    const disabled = await operator.until(status, ({ tunnel }) => tunnel === 'disabled');
    expect(disabled).toMatchObject({ state: 'online' });
    expect(JSON.parse(await local('status', '--json'))).toMatchObject({ state: 'disabled', openUntil: null });
    operator.publish(command('b'), { status: 'init', for: 600 });
    expect(await operator.until(command('b'), (report) => report.status === 'failed')).toMatchObject({
      reason: 'disabled',
    });

    // Allowed again, and closed until somebody asks.
    await local('enable');
    await operator.until(status, ({ tunnel }) => tunnel === 'stopped');
    expect(JSON.parse(await local('status', '--json'))).toMatchObject({ state: 'stopped', openUntil: null });
    expect(reflector.pending).toBe(0);
    operator.publish(command('c'), { status: 'init', for: 600 });
    await reflector.tunnel();
    await operator.until(command('c'), (report) => report.status === 'successful');
  });

  scenario.skipIf(lacks('tls'))('shows the broker the certificate of its enrolment', async ({ stage }) => {
    const authority = new Authority();
    const server = authority.issue();
    const port = await reservedPort();
    const broker = await Mosquitto.run((broker) => [
      `listener ${port} 127.0.0.1`,
      `cafile ${broker.file('ca.pem', readFileSync(authority.file, 'utf8'))}`,
      `certfile ${broker.file('cert.pem', server.cert)}`,
      `keyfile ${broker.file('key.pem', server.key)}`,
      'require_certificate true',
      'use_identity_as_username true',
    ]);
    stage.ends(() => broker.stop());
    const operator = await operatorAt(stage, broker);
    const ca = readFileSync(authority.file);
    const reflector = await stage.reflector({ ...server, ca, requestCert: true, rejectUnauthorized: false });
    // Key and certificate lie in the state file.
    const state = join(stage.directory, 'state');
    const agent = stage.agent(
      configuration(reflector, [80], {
        device: {
          id: deviceId,
          domain,
          enroll: { key: 'rme_0123456789abcdefghijklmnop', credential: 'certificate' },
        },
        stateFile: state,
        tls: { ca: authority.file },
        mqtt: {
          broker: `mqtts://127.0.0.1:${port}`,
          tls: { ca: authority.file, cert: state, key: state },
        },
      }),
    );
    const enrolment = await reflector.enrolment();
    const lines = (String(enrolment.body.request).match(/.{1,64}/g) ?? []).join('\n');
    stage.file(
      `-----BEGIN CERTIFICATE REQUEST-----\n${lines}\n-----END CERTIFICATE REQUEST-----\n`,
      'device.csr',
    );
    const files = ['-in', 'device.csr', '-out', 'device.pem', '-CA', authority.file, '-CAcreateserial'];
    const signing = ['-CAkey', join(authority.directory, 'ca.key'), '-days', '1'];
    openssl(['x509', '-req', ...files, ...signing], stage.directory);
    const certificate = readFileSync(join(stage.directory, 'device.pem'), 'utf8');
    enrolment.reply(200, { domain, certificate, renewAt: 4_102_444_800_000 });
    await reflector.tunnel();
    await agent.logged(/info connected to the MQTT broker/);
    await operator.until(status, ({ tunnel }) => tunnel === 'connected');
  });
});
