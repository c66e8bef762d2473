import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalReflector } from 'local-reflector';
import { Agent } from 'rm-agent';
import { expect, it, onTestFinished } from 'vitest';
import { migrateFleet } from './migrate.ts';
import { writeOldFleet } from './old-fleet.ts';

it('a fleet of WebTunnelAgent becomes configurations, and a device goes on under its identity', async () => {
  const work = mkdtempSync(join(tmpdir(), 'rm-migration-'));
  onTestFinished(() => rmSync(work, { recursive: true }));
  const reflector = await startLocalReflector('pump-7');
  onTestFinished(() => reflector.close());
  await writeOldFleet(join(work, 'old'), reflector);

  const migrated = await migrateFleet(join(work, 'old'), join(work, 'new'));
  expect(migrated.map(({ name }) => name)).toEqual(['pump', 'valve']);
  expect(migrated[0]?.warnings).toEqual([expect.stringMatching(/^webtunnel\.password: taken over as text/)]);
  expect(migrated[1]?.warnings.join('\n')).toContain('webtunnel.colour');
  const file = join(work, 'new/pump.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);

  const configuration = JSON.parse(readFileSync(file, 'utf8'));
  expect(configuration.device).toMatchObject({ id: 'pump-7', domain: reflector.device.domain });
  const agent = new Agent(configuration, { log: null });
  onTestFinished(() => agent.stop());
  agent.start();
  expect(await agent.connected()).toMatchObject({ state: 'connected' });
});
