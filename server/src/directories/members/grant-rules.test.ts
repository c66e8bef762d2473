import { expect, test } from 'vitest';
import { type GrantRule, grantsOf, noGrants } from './grant-rules.ts';

const rule = (of: string, rest: Partial<GrantRule>): GrantRule => ({
  of,
  groups: [],
  role: 'user',
  domains: [],
  everything: false,
  ...rest,
});

const rules = [
  rule('ops', { groups: ['operators'], domains: ['plant-b'] }),
  rule('ops', { domains: ['plant-a', 'plant-b'] }),
  rule('support', { groups: ['operators', 'readers'], role: 'operator', domains: ['plant-a'] }),
  rule('admins', { role: 'administrator', everything: true }),
  rule('named', { role: 'administrator' }),
];

test.each([
  [[], noGrants],
  [['others', 'OPS', '__proto__', 'named'], noGrants],
  [
    ['ops'],
    {
      groups: ['operators'],
      grants: [
        { role: 'user', domain: 'plant-b' },
        { role: 'user', domain: 'plant-a' },
      ],
    },
  ],
  [['support'], { groups: ['operators', 'readers'], grants: [{ role: 'operator', domain: 'plant-a' }] }],
  [['admins'], { groups: [], grants: [{ role: 'administrator', domain: null }] }],
])('%j', (groups, expected) => {
  expect(grantsOf(rules, groups)).toEqual(expected);
});
