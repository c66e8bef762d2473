import { expect, test } from 'vitest';
import { enrolmentConformance } from '../testing/enrolment-conformance.ts';
import { FleetFile } from '../testing/fleet-file.ts';
import { searchConformance } from '../testing/search-conformance.ts';
import { tablesConformance } from '../testing/tables-conformance.ts';
import { triggersConformance } from '../testing/triggers-conformance.ts';
import { webhooksConformance } from '../testing/webhooks-conformance.ts';
import { run } from './tables.ts';

const subject = async () => {
  const file = new FleetFile();
  return { store: file.store, tables: file.database, clock: file.clock, end: () => file.close() };
};
tablesConformance('SQLite', subject);
triggersConformance('SQLite', subject);
webhooksConformance('SQLite', subject);
enrolmentConformance('SQLite', subject);
searchConformance('SQLite', subject);

test('a transaction is over before anything else can happen', async () => {
  const file = new FleetFile();
  const names = () => file.database.prepare('SELECT name FROM fleet_groups').all();
  const insert = "INSERT INTO fleet_groups (name, description, created) VALUES (?, '', 0)";
  const changing = file.database.transact(function* () {
    yield* run(insert, 'a');
    yield* run(insert, 'b');
  });
  expect(names()).toHaveLength(2);
  await changing;
  await file.close();
});
