import { expect, test } from 'vitest';
import { isHidden } from './branding.ts';

test('a property is hidden by its name, or by how it begins', () => {
  const hidden = ['serial', 'secret*'];
  const names = ['serial', 'serial2', 'secret', 'secretKey', 'a-secret', ''];
  expect(names.filter((name) => isHidden(name, hidden))).toEqual(['serial', 'secret', 'secretKey']);
  expect(isHidden('anything', ['*'])).toBe(true);
});
