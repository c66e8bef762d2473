import { expect, test } from 'vitest';
import { browserKey, makeBrowserKey } from './browser-key.ts';

// Names that no other test has: the keys of the page are those of all tests in a process.
test('where nothing is kept, the key of a user is there as long as the page; it cannot be read', async () => {
  expect(await browserKey('grace')).toBeNull();
  await makeBrowserKey('grace');
  const key = await browserKey('grace');
  expect(key?.line).toMatch(/^ssh-ed25519 [A-Za-z0-9+/]{68} grace@browser$/);
  expect([key?.isKept, key?.pair.privateKey.extractable]).toEqual([false, false]);
  await makeBrowserKey('grace');
  expect((await browserKey('grace'))?.line).toBe(key?.line);
  expect(await browserKey('heidi')).toBeNull();
  await makeBrowserKey('heidi\nssh-rsa');
  expect((await browserKey('heidi\nssh-rsa'))?.line).toMatch(/ heidi_ssh-rsa@browser$/);
});
