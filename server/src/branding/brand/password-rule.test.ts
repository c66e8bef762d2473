import { expect, test } from 'vitest';
import { brandComplaint } from './password-rule.ts';

const rules = { minLength: 14, needs: ['lower', 'upper', 'digit', 'sign'], refuse: ['Acme'] } as const;
const check = (password: string) => {
  const all = { ...rules, needs: [...rules.needs], refuse: [...rules.refuse] };
  return brandComplaint(password, all)?.english ?? null;
};

test.each([
  ['Short-1', 'must have at least 14 characters'],
  ['LONG-ENOUGH-12345', 'must have a small letter'],
  ['long-enough-12345', 'must have a capital letter'],
  ['Long-enough-words', 'must have a digit'],
  ['Longenough words1', 'must have a sign such as ! or -'],
  ['Long-at-aCMe-12345', 'must not have “Acme” in it'],
  ['Long-enough-12345', null],
])('%s', (password, expected) => expect(check(password)).toBe(expected));

test('without rules, everything is taken', () => expect(brandComplaint('x', {})).toBeNull());
