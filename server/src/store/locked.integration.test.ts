import { join } from 'node:path';
import { LastingDatabase } from 'rm-reflector/store';
import { expect, test, vi } from 'vitest';
import { TestServer } from '../testing/test-server.ts';
import { FleetDatabase } from './fleet-database.ts';

test('another process that holds the data file does not stop the server: 503, and it goes on', async () => {
  const watch = vi.spyOn(FleetDatabase.prototype, 'watch');
  const server = await TestServer.start();
  const alice = await server.signedIn('alice');
  const other = new LastingDatabase(join(server.folder, 'server.sqlite'));
  // Each call would hold up everything for the five seconds that a start waits.
  expect(watch).toHaveBeenCalledWith(expect.objectContaining({ busyMs: 100 }));
  other.exec('BEGIN IMMEDIATE');
  expect(await alice.post('/groups', { name: 'field' })).toMatchObject({
    status: 503,
    headers: { 'retry-after': '5' },
  });
  other.exec('ROLLBACK');
  other.close();
  await expect.poll(async () => (await alice.post('/groups', { name: 'field' })).status).toBe(201);
  await server.close();
});
