import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { type TlsOptions, connect as tlsConnect } from 'node:tls';
import { describe, expect } from 'vitest';
import { authorityOfFile } from './stage/authority-of-file.ts';
import { lacks } from './stage/features.ts';
import { close, data, fault, open } from './stage/frames.ts';
import { LocalService } from './stage/local-service.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';
import type { Tunnel } from './stage/tunnel.ts';
import { within } from './stage/wait.ts';

/** Where a service is, and how it is spoken to: `services[].target`, `targetPort`, `tls`. */

/** A channel as a stream. */
function streamOf(tunnel: Tunnel, channel: number): Duplex {
  const stream = new Duplex({
    read: () => {},
    write: (bytes: Buffer, _encoding, done) => {
      tunnel.sendData(channel, bytes, 2048).then(() => done(), done);
    },
  });
  const receive = async () => {
    for (;;) stream.push(await tunnel.read(channel, 1));
  };
  receive().catch(() => stream.push(null));
  return stream;
}

async function tunnelTo(stage: Stage, services: readonly object[]) {
  const reflector = await stage.reflector();
  const agent = stage.agent(configuration(reflector, [], { services }));
  const upgrade = await reflector.upgrade();
  const tunnel = upgrade.accept();
  return { agent, upgrade, tunnel };
}

const echo = (socket: Socket) => void socket.pipe(socket);

describe.concurrent('the port of a service', () => {
  scenario('is not the one that the reflector knows, with targetPort', async ({ stage }) => {
    const one = await stage.service();
    const two = await stage.service();
    const { upgrade, tunnel } = await tunnelTo(stage, [
      { port: 8001, targetPort: one.port },
      { port: 8002, target: 'localhost', targetPort: two.port, kind: 'http' },
    ]);
    expect(upgrade.all('x-ptth-set-property')).toEqual(
      expect.arrayContaining([
        'device;targetPorts=8001, 8002',
        'device;httpPort=8002',
        `device;service-8002="target=localhost; targetPort=${two.port}"`,
      ]),
    );
    await tunnel.open(1, 8001);
    await tunnel.open(2, 8002);
    tunnel.send(data(1, 'one'));
    tunnel.send(data(2, 'two'));
    await (await one.connection()).expectText('one');
    await (await two.connection()).expectText('two');
    tunnel.send(open(3, one.port));
    await tunnel.expect(fault(3, 2));
  });

  scenario('says what speaks there', async ({ stage }) => {
    const { upgrade } = await tunnelTo(stage, [
      { port: 80 },
      { port: 8022, targetPort: 22 },
      { port: 5900 },
      { port: 3389 },
      { port: 4000 },
    ]);
    const properties = upgrade.all('x-ptth-set-property');
    expect(properties.filter((property) => /;\w+Port=/.test(property))).toEqual([
      'device;httpPort=80',
      'device;sshPort=8022',
      'device;vncPort=5900',
      'device;rdpPort=3389',
    ]);
  });
});

describe.concurrent('a service at a local socket', () => {
  scenario('carries data both ways and each end by itself', async ({ stage }) => {
    const path = join(stage.directory, 'web.sock');
    const service = await stage.service(() => LocalService.start(undefined, { path }));
    const { tunnel } = await tunnelTo(stage, [{ port: 80, target: `unix:${path}` }]);
    // Less than half a window: without the extension, a reader that a busy machine keeps waiting loses its channel beyond it.
    const text = 'through a local socket '.repeat(5_000);
    await tunnel.open(1, 80);
    const connection = await service.connection();
    await tunnel.sendData(1, Buffer.from(text), 2048);
    tunnel.send(close(1));
    await connection.expectText(text);
    await connection.ended;
    connection.socket.end(text);
    await tunnel.expectText(1, text);
    await tunnel.expect(close(1));
    await connection.closed;
  });

  scenario('that nobody listens at is an error of its channel', async ({ stage }) => {
    const path = join(stage.directory, 'none.sock');
    const { tunnel } = await tunnelTo(stage, [{ port: 80, target: `unix:${path}` }]);
    tunnel.send(open(1, 80));
    await tunnel.expect(fault(1, 5));
    await stage.service(() => LocalService.start(echo, { path }));
    await tunnel.open(2, 80);
  });
});

describe.skipIf(lacks('tls')).concurrent('a service of kind https', () => {
  const authority = authorityOfFile();
  const pinOf = (file: string) =>
    `sha256/${execFileSync(
      'sh',
      [
        '-c',
        'openssl x509 -in "$1" -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64',
        'sh',
        file,
      ],
      { encoding: 'utf8' },
    ).trim()}`;

  async function withTls(stage: Stage, server: TlsOptions, tls: object | null, more: object = {}) {
    const service = await stage.service(() => LocalService.start(echo, { tls: server }));
    const at = { port: 443, targetPort: service.port, tls, ...more };
    return { service, ...(await tunnelTo(stage, [at, { port: 8443, targetPort: service.port }])) };
  }

  async function expectEcho({ tunnel }: Awaited<ReturnType<typeof withTls>>): Promise<void> {
    // Less than half a window, as above.
    const text = 'in plain text '.repeat(9_000);
    await tunnel.open(1, 443);
    await tunnel.sendData(1, Buffer.from(text), 2048);
    await tunnel.expectText(1, text);
    tunnel.send(close(1));
    await tunnel.expect(close(1));
  }

  async function expectRefused({ tunnel }: Awaited<ReturnType<typeof withTls>>): Promise<void> {
    tunnel.send(open(1, 443));
    await tunnel.expect(fault(1, 5));
  }

  const versions = ['TLSv1.2', 'TLSv1.3'] as const;

  scenario.for(versions)('is plain text in the tunnel, over %s', async (version, { stage }) => {
    const own = { ...authority().issue(), minVersion: version, maxVersion: version };
    await expectEcho(await withTls(stage, own, null));
  });

  scenario('is offered with its own TLS under another port, as kind tcp', async ({ stage }) => {
    const { tunnel } = await withTls(stage, authority().issue(), null);
    await tunnel.open(1, 8443);
    const user = tlsConnect({ socket: streamOf(tunnel, 1), ca: authority().caPem(), host: '127.0.0.1' });
    user.write('from end to end');
    const [answer] = (await within(once(user, 'data'), 'the service to answer')) as [Buffer];
    expect([answer.toString(), user.authorized]).toEqual(['from end to end', true]);
    user.destroy();
  });

  scenario('is verified by authorities of its own, and by name', async ({ stage }) => {
    const { cert, key } = authority().issue({ names: 'DNS:camera.lan' });
    const tls = { verify: true, ca: authority().file };
    await expectEcho(await withTls(stage, { cert, key }, { ...tls, name: 'camera.lan' }));
    await expectRefused(await withTls(stage, { cert, key }, { ...tls, name: 'other.lan' }));
    await expectRefused(await withTls(stage, { cert, key }, tls));
    await expectEcho(await withTls(stage, authority().issue(), tls));
  });

  scenario('is refused without a trusted certificate', async ({ stage }) => {
    const { cert, key } = authority().issue({ from: 2020, until: 2021 });
    await expectRefused(await withTls(stage, { cert, key }, { verify: true, ca: authority().file }));
    await expectEcho(await withTls(stage, { cert, key }, { verify: false }));
  });

  scenario('is known by its pin', async ({ stage }) => {
    const { cert, key, certFile } = authority().issue({ names: 'DNS:nobody' });
    const other = authority().issue();
    await expectEcho(await withTls(stage, { cert, key }, { pins: [pinOf(other.certFile), pinOf(certFile)] }));
    await expectRefused(await withTls(stage, { cert, key }, { pins: [pinOf(other.certFile)] }));
  });

  scenario('is shown a certificate of the agent', async ({ stage }) => {
    const server = { ...authority().issue(), requestCert: true, ca: authority().caPem() };
    const own = authority().issue();
    // With TLS 1.3 the service looks at it only when the agent is through.
    const old = { ...server, maxVersion: 'TLSv1.2' } as const;
    await expectEcho(await withTls(stage, server, { cert: own.certFile, key: own.keyFile }));
    await expectEcho(await withTls(stage, old, { cert: own.certFile, key: own.keyFile }));
    await expectRefused(await withTls(stage, old, null));
  });

  scenario('speaks a version that is new enough', async ({ stage }) => {
    const own = { ...authority().issue(), maxVersion: 'TLSv1.2' } as const;
    await expectRefused(await withTls(stage, own, { minVersion: '1.3' }));
    await expectEcho(await withTls(stage, own, { minVersion: '1.2' }));
  });

  scenario('is at a local socket', async ({ stage }) => {
    const path = join(stage.directory, 'tls.sock');
    const { cert, key } = authority().issue({ names: 'DNS:localhost' });
    await stage.service(() => LocalService.start(echo, { path, tls: { cert, key } }));
    const tls = { verify: true, ca: authority().file };
    const { tunnel } = await tunnelTo(stage, [{ port: 443, target: `unix:${path}`, tls }]);
    await tunnel.open(1, 443);
    tunnel.send(data(1, 'hello'));
    await tunnel.expectText(1, 'hello');
  });
});
