import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startReflector } from 'rm-reflector';
import { systemClock } from 'rm-reflector/program';
import { LastingDatabase } from 'rm-reflector/store';
import { expect, onTestFinished, test } from 'vitest';
import { Authority } from '../../../test/certificates/authority.ts';
import { defaultLimits } from '../limits.ts';
import { serverAdditions } from '../server.ts';
import { Authority as OwnAuthority } from './authority.ts';

/** A device that enrols at a real `rm-server`, over TLS. */

async function stage() {
  const folder = mkdtempSync(join(tmpdir(), 'rm-enrolment-'));
  const authority = new Authority();
  const { certFile: cert, keyFile: key } = authority.issue({ names: 'DNS:localhost,IP:127.0.0.1' });
  const clientCa = join(folder, 'client-ca.pem');
  writeFileSync(clientCa, authority.caPem());
  const data = join(folder, 'server.sqlite');
  const log = pino({ level: 'silent' });
  const settings = { domain: 'localhost', tls: { cert, key, clientCa } };
  const clock = systemClock;
  const additions = serverAdditions(
    { own: {}, ownAgain: () => ({}), file: null, data, settings, environment: {}, log, clock },
    defaultLimits,
  );
  const reflector = await startReflector({ ...settings, data, log, clock, ...additions.options });
  await additions.started?.(reflector);
  onTestFinished(async () => {
    await additions.close?.();
    await reflector.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, authority, clientCa, reflector };
}

test.each(['secret', 'certificate'])(
  'enrolmentCertificateMs: a device gets by a code a %s, which lasts no longer',
  async (credential) => {
    const { folder, authority, clientCa, reflector } = await stage();
    const own = await OwnAuthority.open(reflector.store.settings, Date.now());
    appendFileSync(clientCa, own.pem);
    reflector.reloadTls();
    const configuration = {
      reflector: `https://localhost:${reflector.port}/`,
      device: { id: 'pump-7', enroll: { credential, hardware: 'board 1' } },
      services: [{ port: 80 }],
      tls: { ca: authority.file },
      reconnect: { min: 1, max: 1 },
      control: null,
      stateFile: join(folder, 'state'),
    };
    const file = join(folder, 'rm-agent.json');
    writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
    const agent = spawn(process.execPath, ['dist/node/rm-agent.mjs', '--config', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    onTestFinished(() => void agent.kill('SIGKILL'));
    let said = '';
    agent.stderr.on('data', (bytes: Buffer) => {
      said += bytes;
    });
    await expect.poll(() => said).toMatch(/its code is ([A-Z2-9-]{9})/);
    const code = /its code is ([A-Z2-9-]{9})/.exec(said)?.[1] ?? '';
    const database = new LastingDatabase(join(folder, 'server.sqlite'));
    database
      .prepare("UPDATE fleet_enrolments SET state = 'accepted', domain = 'acme', code = NULL WHERE code = ?")
      .run(code);
    database.close();
    await expect.poll(() => reflector.presence.local.get('pump-7')?.id).toBe('pump-7');
    const state = readFileSync(join(folder, 'state'), 'utf8');
    expect(state.includes('BEGIN CERTIFICATE')).toBe(credential === 'certificate');
    const pem = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/.exec(state)?.[0];
    if (pem !== undefined) {
      const ends = Date.parse(new X509Certificate(pem.replaceAll('\\n', '\n')).validTo);
      expect(Math.abs(ends - Date.now() - defaultLimits.enrolmentCertificateMs)).toBeLessThan(600_000);
    }
    const { certificatesSince = null } = (await reflector.store.devices.credentials('pump-7')) ?? {};
    expect(certificatesSince !== null).toBe(credential === 'certificate');
  },
  300_000,
);
