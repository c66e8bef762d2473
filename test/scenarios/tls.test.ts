import { readFileSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { describe, expect } from 'vitest';
import { Authority } from '../certificates/authority.ts';
import { authorityOfFile } from './stage/authority-of-file.ts';
import { lacks } from './stage/features.ts';
import { data } from './stage/frames.ts';
import { LocalService } from './stage/local-service.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';
import { briefly } from './stage/wait.ts';

const authority = authorityOfFile();
const other = authorityOfFile();
const pss = authorityOfFile(() => new Authority('rsa-pss'));

async function connect(stage: Stage, server: ServerOptions, tls: object, host = '127.0.0.1') {
  const echo = await stage.service(LocalService.echo);
  const reflector = await stage.reflector(server);
  const uri = `https://${host}:${reflector.port}/`;
  const agent = stage.agent(configuration(uri, [echo.port], { tls }));
  return { agent, echo, reflector };
}

async function expectWorking({ reflector, echo }: Awaited<ReturnType<typeof connect>>): Promise<TLSSocket> {
  const upgrade = await reflector.upgrade();
  const tunnel = upgrade.accept();
  await tunnel.open(1, echo.port);
  // Less than half a window, which a reader that gets no time on a busy machine may be behind.
  const text = 'through TLS '.repeat(10_000);
  await tunnel.sendData(1, Buffer.from(text), 2048);
  await tunnel.expectText(1, text);
  tunnel.send(data(1, 'again'));
  await tunnel.expectText(1, 'again');
  return upgrade.socket as TLSSocket;
}

describe.skipIf(lacks('tls')).concurrent('a TLS reflector', () => {
  const versions = ['TLSv1.2', 'TLSv1.3'] as const;
  const signatures = [
    // Not in TLS 1.3, which has no other RSA signatures than RSA-PSS.
    ['TLSv1.2', 'rsa', 'rsa_pkcs1_sha256'],
    ...versions.flatMap((version) => [
      [version, 'rsa', 'rsa_pss_rsae_sha256'] as const,
      [version, 'ec', 'ecdsa_secp256r1_sha256'] as const,
    ]),
  ] as const;

  scenario.for(signatures)('is used over %s with an %s key and %s', async (row, { stage }) => {
    const [version, key, sigalgs] = row;
    const server = { ...authority().issue({ key }), minVersion: version, maxVersion: version, sigalgs };
    const connection = await connect(stage, server, { ca: authority().file });
    const socket = await expectWorking(connection);
    expect(socket.getProtocol()).toBe(version);
  });

  scenario.for(versions)(
    'is used over %s with a certificate signed with RSA-PSS',
    async (version, { stage }) => {
      const server = { ...pss().issue({ key: 'rsa' }), minVersion: version, maxVersion: version };
      await expectWorking(await connect(stage, server, { ca: pss().file }));
    },
  );

  scenario('is trusted by a directory of certificates', async ({ stage }) => {
    await expectWorking(await connect(stage, authority().issue(), { ca: authority().caDirectory() }));
  });

  scenario('is asked for by name', async ({ stage }) => {
    const server = authority().issue({ names: 'DNS:localhost' });
    const socket = await expectWorking(await connect(stage, server, { ca: authority().file }, 'localhost'));
    expect(socket.servername).toBe('localhost');
  });

  scenario('with an expired certificate is refused, and the log says so', async ({ stage }) => {
    const server = authority().issue({ from: '20200101000000Z', until: '20200201000000Z' });
    const { agent, reflector } = await connect(stage, server, { ca: authority().file });
    await agent.logged(/not connected: .*expired/i);
    expect(reflector.connections).toBeGreaterThan(0);
  });

  scenario('with a certificate that is not valid yet is refused, and the log says so', async ({ stage }) => {
    const server = authority().issue({ from: '20480101000000Z' });
    const { agent } = await connect(stage, server, { ca: authority().file });
    await agent.logged(/not connected: .*not (yet )?valid/i);
  });

  scenario.for([
    ['another name', 'DNS:elsewhere.example', 'localhost'],
    ['another address', 'IP:127.0.0.2', '127.0.0.1'],
    ['a name where an address is dialled', 'DNS:localhost', '127.0.0.1'],
  ])('with a certificate for %s is refused, and the log says so', async ([, names = '', host], { stage }) => {
    const { agent } = await connect(stage, authority().issue({ names }), { ca: authority().file }, host);
    await agent.logged(/not connected: .*(name|not (valid |issued )?for|does not match)/i);
  });

  scenario('of an unknown authority is refused, and the log says so', async ({ stage }) => {
    const { agent } = await connect(stage, other().issue(), { ca: authority().file });
    await agent.logged(/not connected: .*(trust|issuer|authority)/i);
  });

  scenario('is refused by default when only the system authorities are trusted', async ({ stage }) => {
    const { agent } = await connect(stage, authority().issue(), {});
    await agent.logged(/not connected: .*(trust|issuer|authority)/i);
  });

  scenario('sees no request from an agent that does not trust it', async ({ stage }) => {
    const { agent, reflector } = await connect(stage, other().issue(), { ca: authority().file });
    for (let attempt = 0; attempt < 3; attempt++) await reflector.connection();
    await agent.logged(/not connected: .*(trust|issuer|authority)/i);
    expect(reflector.pending).toBe(0);
  });

  scenario('is not verified where the configuration says so, loudly', async ({ stage }) => {
    const connection = await connect(stage, other().issue({ names: 'DNS:elsewhere.example' }), {
      verify: false,
    });
    await expectWorking(connection);
    expect(connection.agent.log.join('\n')).toMatch(/verify/);
  });

  scenario('below the least version is refused', async ({ stage }) => {
    const server = { ...authority().issue(), maxVersion: 'TLSv1.2' } as const;
    const { agent } = await connect(stage, server, { ca: authority().file, minVersion: '1.3' });
    await agent.logged(/not connected: .*(TLS|version|protocol)/i);
  });

  scenario('that demands a client certificate gets it', async ({ stage }) => {
    const client = authority().issue({ names: 'DNS:device-1' });
    const server = {
      ...authority().issue(),
      ca: readFileSync(authority().file),
      requestCert: true,
      rejectUnauthorized: true,
    };
    const tls = { ca: authority().file, cert: client.certFile, key: client.keyFile };
    const socket = await expectWorking(await connect(stage, server, tls));
    expect(socket.authorized).toBe(true);
    expect(socket.getPeerCertificate().subjectaltname).toBe('DNS:device-1');
  });

  scenario.for(versions)(
    'that demands a client certificate over %s refuses to go without',
    async (version, { stage }) => {
      const server = {
        ...authority().issue(),
        ca: readFileSync(authority().file),
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: version,
        maxVersion: version,
      };
      const { agent } = await connect(stage, server, { ca: authority().file });
      await agent.logged(/not connected: .*(certificate|handshake|alert)/i);
    },
  );

  scenario('that is no TLS server at all is refused', async ({ stage }) => {
    const plain = await stage.service(() =>
      LocalService.start((socket) => socket.write('SSH-2.0-OpenSSH\r\n')),
    );
    const agent = stage.agent(configuration(`https://127.0.0.1:${plain.port}/`, [1]));
    await agent.logged(/not connected: .*TLS/);
  });

  scenario('that never finishes the handshake is given up at the connect time-out', async ({ stage }) => {
    const mute = await stage.service();
    stage.agent(configuration(`https://127.0.0.1:${mute.port}/`, [1], { timeouts: { connect: briefly } }));
    const first = await mute.connection();
    await first.gone;
    await mute.connection();
  });
});
