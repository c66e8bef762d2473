import { expect, test } from 'vitest';
import { claimAt, textsOf } from './claims.ts';

const claims = {
  'https://example.com/groups': ['ops', 5, null, 'staff'],
  realm_access: { roles: ['admin'] },
  role: 'reader',
  projects: { a: {}, b: {} },
};

test.each([
  [['https://example.com/groups'], ['ops', 'staff']],
  [['realm_access', 'roles'], ['admin']],
  [['role'], ['reader']],
  [['projects'], ['a', 'b']],
  [['missing'], []],
  [['role', 'length'], []],
  [['constructor'], []],
  [['__proto__'], []],
  [['realm_access', 'toString'], []],
])('%j', (way, expected) => {
  expect(textsOf(claimAt(claims, way))).toEqual(expected);
});
