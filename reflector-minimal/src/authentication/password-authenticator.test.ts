import { expect, test } from 'vitest';
import { MemoryUsers } from '../testing/memory-users.ts';

test('the password in the store proves its user without a second hash, and says why it proves nobody', async () => {
  const users = await MemoryUsers.open();
  expect([users.local.name, users.local.accepts]).toEqual(['password', 'password']);
  const { clock } = users;
  const prove = (password: string) =>
    users.local.prove({ name: 'alice', password }, { address: '192.0.2.1', clock });
  for (let n = 0; n < 3; n++) expect(await prove('wonderland')).toHaveProperty('user');
  expect(users.hashed).toBe(1);
  expect(await prove('guess')).toEqual({ refused: 'unknown user or wrong password' });
});
