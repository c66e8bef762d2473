import { expect, test } from 'vitest';
import { forOneUser } from './cache-control.ts';

test.each([
  ['', 'Cache-Control: private'],
  ['Expires: 0', 'Expires: 0|Cache-Control: private'],
  ['Pragma: no-cache', 'Pragma: no-cache|Cache-Control: private, no-cache'],
  ['cache-control: max-age=60', 'cache-control: private, max-age=60'],
  ['Cache-Control: public', 'Cache-Control: private'],
  ['Cache-Control: PUBLIC, max-age=60, s-maxage=600', 'Cache-Control: private, max-age=60'],
  ['Cache-Control: s-maxage = 600, must-revalidate', 'Cache-Control: private, must-revalidate'],
  ['Cache-Control: private, max-age=60', 'Cache-Control: private, max-age=60'],
  ['Cache-Control: private, public', 'Cache-Control: private'],
  ['Cache-Control: no-store', 'Cache-Control: no-store'],
  [
    'Cache-Control: private="Set-Cookie, X", max-age=1',
    'Cache-Control: private, private="Set-Cookie, X", max-age=1',
  ],
  [
    'Cache-Control: x="a, public, \\", private", public',
    'Cache-Control: private, x="a, public, \\", private"',
  ],
  ['Cache-Control: x="a, private', 'Cache-Control: private, x="a, private'],
  [
    'Cache-Control: max-age=1|X: y|Cache-Control: public, no-transform',
    'Cache-Control: private, max-age=1, no-transform|X: y',
  ],
  ['Cache-Control:', 'Cache-Control: private'],
  ['Cache-Control: , max-age=1, ,', 'Cache-Control: private, max-age=1'],
  ['Cache-Control: x-private, no-storey', 'Cache-Control: private, x-private, no-storey'],
  [
    'CDN-Cache-Control: max-age=9|Surrogate-Control: max-age=9|X-Accel-Expires: 9|X-Accel-Redirect: /secret|X-Sendfile: /etc/passwd',
    'Cache-Control: private',
  ],
])('%s becomes %s', (lines, result) => {
  const raw = lines === '' ? [] : lines.split('|').flatMap((line) => line.split(/: ?/, 2));
  const kept = forOneUser(raw);
  expect(kept.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${kept[i + 1]}`] : [])).join('|')).toBe(result);
});

test('a value takes linear time', () => {
  const value = `${'"\\'.repeat(20_000)}${',"'.repeat(10_000)}`;
  expect(forOneUser(['Cache-Control', value])[1]).toContain('private');
});
