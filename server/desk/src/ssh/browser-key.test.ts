import { expect, test } from 'vitest';
import { browserKey, makeBrowserKey } from './browser-key.ts';

test('where nothing is kept, the key of a user is there as long as the page; it cannot be read', async () => {
  expect(await browserKey('alice')).toBeNull();
  await makeBrowserKey('alice');
  const key = await browserKey('alice');
  expect(key?.line).toMatch(/^ssh-ed25519 [A-Za-z0-9+/]{68} alice@browser$/);
  expect([key?.isKept, key?.pair.privateKey.extractable]).toEqual([false, false]);
  await makeBrowserKey('alice');
  expect((await browserKey('alice'))?.line).toBe(key?.line);
  expect(await browserKey('bob')).toBeNull();
  await makeBrowserKey('bob\nssh-rsa');
  expect((await browserKey('bob\nssh-rsa'))?.line).toMatch(/ bob_ssh-rsa@browser$/);
});
