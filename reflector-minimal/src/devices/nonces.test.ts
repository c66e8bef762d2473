import { expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { Nonces } from './nonces.ts';

test('nonceMs: a nonce is good once, for its time, and only at its maker', () => {
  const nonces = new Nonces(defaultLimits);
  const nonce = nonces.issue(1000);
  expect(nonces.check(nonce, 1000)).toBe('good');
  expect(nonces.check(nonce, 61_000)).toBe('good');
  expect(nonces.check(nonce, 61_001)).toBe('stale');
  expect(nonces.use(nonce, 2000)).toBe('used');
  expect(nonces.check(nonce, 2000)).toBe('stale');
  expect(new Nonces(defaultLimits).check(nonce, 1000)).toBe('foreign');
  expect(nonces.check(`${nonce}=`, 1000)).toBe('foreign');
  expect(nonces.check('', 1000)).toBe('foreign');
});

test('usedNonces: no more used nonces are remembered than the bound; they are forgotten when they expire', () => {
  const nonces = new Nonces({ ...defaultLimits, usedNonces: 2 });
  expect([1, 2, 3].map((now) => nonces.use(nonces.issue(now), now))).toEqual(['used', 'used', 'busy']);
  expect(nonces.use(nonces.issue(60_001), 60_001)).toBe('used');
});
