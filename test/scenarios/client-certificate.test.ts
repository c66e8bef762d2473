import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { TLSSocket } from 'node:tls';
import { describe, expect } from 'vitest';
import { Authority, type Certificate } from '../certificates/authority.ts';
import { authorityOfFile } from './stage/authority-of-file.ts';
import { runsUnder } from './stage/features.ts';
import type { Reflector } from './stage/reflector.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';

const authority = authorityOfFile();
const intermediate = authorityOfFile(() => authority().intermediate());

/** A reflector that takes only devices with a certificate of the authority. */
function demanding(stage: Stage): Promise<Reflector> {
  const ca = readFileSync(authority().file);
  return stage.reflector({ ...authority().issue(), ca, requestCert: true, rejectUnauthorized: true });
}

function agentWith(stage: Stage, reflector: Reflector, tls: object) {
  return stage.agent(
    configuration(`https://127.0.0.1:${reflector.port}/`, [80], { tls: { ca: authority().file, ...tls } }),
  );
}

const files = ({ certFile, keyFile }: Certificate) => ({ cert: certFile, key: keyFile });

/** The common name that the reflector has seen, after checking the chain. */
async function seen(reflector: Reflector): Promise<unknown> {
  const upgrade = await reflector.upgrade();
  const socket = upgrade.socket as TLSSocket;
  expect(socket.authorized).toBe(true);
  upgrade.refuse('503 Service Unavailable');
  return socket.getPeerCertificate().subject.CN;
}

/** Puts content in the place of a file as who renews certificates should: at once. */
function replace(path: string, content: string): void {
  writeFileSync(`${path}.new`, content, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

describe.concurrent('the certificate of the device', () => {
  scenario.for(['ec', 'rsa'] as const)(
    'is shown with an %s key, its chain included',
    async (key, { stage }) => {
      const reflector = await demanding(stage);
      agentWith(stage, reflector, files(intermediate().issue({ key, name: 'dev1' })));
      expect(await seen(reflector)).toBe('dev1');
    },
  );

  scenario('is in one file with its key, in either order', async ({ stage }) => {
    const { cert, key } = authority().issue({ name: 'dev1' });
    const reflector = await demanding(stage);
    for (const content of [cert + key, key + cert]) {
      const agent = agentWith(stage, reflector, { cert: stage.file(content) });
      expect(await seen(reflector)).toBe('dev1');
      agent.signal('SIGTERM');
      await agent.ended();
    }
  });

  scenario('is read anew for each attempt, as is its key', async ({ stage }) => {
    const reflector = await demanding(stage);
    const [old, fresh] = [
      authority().issue({ name: 'old' }),
      authority().issue({ name: 'fresh', key: 'rsa' }),
    ];
    const [cert, key] = [stage.file(old.cert), stage.file(old.key)];
    const agent = agentWith(stage, reflector, { cert, key });
    expect(await seen(reflector)).toBe('old');
    replace(cert, fresh.cert);
    await agent.logged(/client key .* does not belong to the client certificate/);
    replace(key, fresh.key);
    expect(await seen(reflector)).toBe('fresh');
  });

  // The program on the library logs at another level.
  scenario.skipIf(runsUnder('library'))(
    'that does not fit, cannot be read or is none is told of in one clear line',
    async ({ stage }) => {
      const reflector = await demanding(stage);
      const [own, other] = [authority().issue(), authority().issue()];
      const cases: [string, object, RegExp][] = [
        ['other', { cert: own.certFile, key: other.keyFile }, /does not belong to the client certificate/],
        ['none', { cert: stage.file('nothing'), key: own.keyFile }, /holds no certificate chain in PEM/],
        ['no key', { cert: own.certFile, key: stage.file('nothing') }, /holds no private key in PEM/],
        ['no key in it', { cert: own.certFile }, /holds no private key in PEM/],
        ...(['pkcs8', 'traditional'] as const).map((format): [string, object, RegExp] => [
          format,
          { cert: own.certFile, key: authority().encryptedKey(own, format) },
          /client key .* is encrypted; allowed is a key without a password/,
        ]),
      ];
      for (const [what, tls, line] of cases) {
        const agent = agentWith(stage, reflector, tls);
        expect(await agent.logged(line), what).toMatch(/not connected: .*(client certificate|client key) \//);
        // One at a time: each that goes on tries again every second, and holds up those that come after it.
        agent.signal('SIGTERM');
        await agent.ended();
      }
      expect(reflector.pending).toBe(0);
    },
  );

  scenario('is warned of when everybody can read its key', async ({ stage }) => {
    const reflector = await demanding(stage);
    const { cert, key } = authority().issue({ name: 'dev1' });
    const path = stage.file(key);
    chmodSync(path, 0o644);
    const agent = agentWith(stage, reflector, { cert: stage.file(cert), key: path });
    await agent.logged(/warning .*tls\.key: .* can be read by every user; set its mode to 600/);
    expect(await seen(reflector)).toBe('dev1');
  });

  scenario('is warned of before it expires, and after', async ({ stage }) => {
    const day = (days: number) => {
      const date = new Date(Date.now() + days * 86_400_000).toISOString();
      return `${date.slice(0, 19).replace(/[-T:]/g, '')}Z`;
    };
    const reflector = await stage.reflector({ ...authority().issue() });
    for (const [days, line] of [
      [12.5, /warning.* tls\.cert: .* expires in 12 days, on \d{4}-\d\d-\d\d/],
      [-3.5, /warning.* tls\.cert: .* has expired 3 days ago, on \d{4}-\d\d-\d\d/],
    ] as const) {
      const agent = agentWith(stage, reflector, files(authority().issue({ until: day(days) })));
      (await reflector.upgrade()).accept();
      await agent.logged(line);
    }
  });

  scenario('that the reflector refuses is named as the reason', async ({ stage }) => {
    const reflector = await demanding(stage);
    const stranger = new Authority();
    const agent = agentWith(stage, reflector, files(stranger.issue()));
    await reflector.connection();
    await agent.logged(/not connected: /);
    expect(reflector.pending).toBe(0);
    stranger.remove();
  });
});
