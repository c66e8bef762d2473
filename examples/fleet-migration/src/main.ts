import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalReflector } from 'local-reflector';
import { Agent } from 'rm-agent';
import { migrateFleet } from './migrate.ts';
import { writeOldFleet } from './old-fleet.ts';

const work = mkdtempSync(join(tmpdir(), 'rm-migration-'));
const reflector = await startLocalReflector('pump-7');
await writeOldFleet(join(work, 'old'), reflector);

const migrated = await migrateFleet(join(work, 'old'), join(work, 'new'));
for (const { name, output, warnings } of migrated) {
  console.log(`\n${name}.properties becomes ${name}.json:\n${readFileSync(output, 'utf8')}`);
  for (const line of warnings) console.log(`  look at: ${line}`);
}

const first = migrated.find(({ name }) => name === 'pump');
if (first) {
  const agent = new Agent(JSON.parse(readFileSync(first.output, 'utf8')));
  agent.start();
  const { connectedTo } = await agent.connected();
  console.log(`\nThe new agent of pump-7 is on line at ${connectedTo} under its old identity.`);
  await agent.stop();
}
await reflector.close();
rmSync(work, { recursive: true });
