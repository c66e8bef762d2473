import { createHash, X509Certificate } from 'node:crypto';
import { describe, expect } from 'vitest';
import type { Certificate } from '../certificates/authority.ts';
import { reservedPort } from '../system/loopback-port.ts';
import { authorityOfFile } from './stage/authority-of-file.ts';
import type { Reflector } from './stage/reflector.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';

const authority = authorityOfFile();
const stranger = authorityOfFile();

/** The pin of a certificate's key, as RFC 7469 writes it. */
function pinOf({ cert }: { readonly cert: string }): string {
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256/${createHash('sha256').update(spki).digest('base64')}`;
}

const noPin = `sha256/${'A'.repeat(43)}=`;

function agentWith(stage: Stage, reflector: Reflector, tls: object) {
  return stage.agent(
    configuration(`https://127.0.0.1:${reflector.port}/`, [80], { tls: { ca: authority().file, ...tls } }),
  );
}

/** Who has signed itself, for another name and a time long past. */
function selfSigned(): Certificate {
  return stranger().issue({ names: 'DNS:elsewhere.example', until: '20210101000000Z' });
}

describe.concurrent('pins', () => {
  scenario('let a trusted reflector in whose key is one of them', async ({ stage }) => {
    const server = authority().issue();
    const reflector = await stage.reflector({ ...server });
    const agent = agentWith(stage, reflector, { pins: [noPin, pinOf(server)] });
    (await reflector.upgrade()).accept();
    await agent.logged(/connected to https:/);
    expect(agent.log.join('\n')).toMatch(/trusted: .*tls\.ca.*, and one of 2 pinned keys/);
  });

  scenario(
    'keep a trusted reflector out that has another key, before it learns anything',
    async ({ stage }) => {
      const reflector = await stage.reflector({ ...authority().issue() });
      const agent = agentWith(stage, reflector, { pins: [noPin] });
      await agent.logged(/public key \(sha256\/.*\) is none of tls\.pins/);
      expect(reflector.pending).toBe(0);
    },
  );

  scenario('do not let in who is not trusted', async ({ stage }) => {
    const server = stranger().issue();
    const reflector = await stage.reflector({ ...server });
    const agent = agentWith(stage, reflector, { pins: [pinOf(server)] });
    await agent.logged(/not connected: .*(trust|issuer|authority)/);
    expect(reflector.pending).toBe(0);
  });

  scenario('alone decide where they replace the authorities', async ({ stage }) => {
    const server = selfSigned();
    const reflector = await stage.reflector({ ...server });
    const agent = agentWith(stage, reflector, { pins: [noPin, pinOf(server)], pinMode: 'replace' });
    (await reflector.upgrade()).accept();
    await agent.logged(/connected to https:/);
    const log = agent.log.join('\n');
    expect(log).toMatch(/trusted: one of 2 pinned keys/);
    expect(log).not.toMatch(/verify/);
  });

  scenario('that replace the authorities let nobody else in, however trusted', async ({ stage }) => {
    const reflector = await stage.reflector({ ...authority().issue() });
    const agent = agentWith(stage, reflector, {
      pins: [noPin, pinOf(stranger().issue())],
      pinMode: 'replace',
    });
    await agent.logged(/is none of tls\.pins/);
    expect(reflector.pending).toBe(0);
  });

  // The tiny host resumes sessions, and a resumed one shows no certificate.
  scenario.for(['TLSv1.2', 'TLSv1.3'] as const)(
    'are checked again when a session over %s is resumed, and where the key has changed',
    async (version, { stage }) => {
      const [first, second] = [selfSigned(), selfSigned()];
      const tls = { minVersion: version, maxVersion: version } as const;
      const port = await reservedPort();
      const reflector = await stage.reflector({ ...first, ...tls }, port);
      const agent = agentWith(stage, reflector, { pins: [pinOf(first)], pinMode: 'replace' });
      for (let round = 0; round < 2; round++) {
        const tunnel = (await reflector.upgrade()).accept();
        tunnel.drop();
      }
      await reflector.upgrade();
      reflector.stop();
      const other = await stage.reflector({ ...second, ...tls }, port);
      await agent.logged(/is none of tls\.pins/);
      expect(other.pending).toBe(0);
    },
  );

  scenario('are not asked of a reflector without TLS', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(reflector, [80], { tls: { pins: [noPin], pinMode: 'replace' } }));
    await agent.logged(/tls\.pins demands an https: reflector/);
    expect(reflector.pending).toBe(0);
  });
});
