import { expect, test } from 'vitest';
import { KnownBrowsers } from './known-browsers.ts';

test('the mark of a browser is of its user alone, whole', () => {
  const browsers = new KnownBrowsers(Buffer.alloc(32, 1));
  const uid = 'uid of alice';
  const mark = browsers.mark(uid);
  expect(browsers.identify(['x', mark], uid)).toBe(mark.split('.')[0]);
  expect(browsers.identify([mark], 'another')).toBeNull();
  expect(browsers.identify([`x${mark}`, `${mark}x`, mark.slice(1), ''], uid)).toBeNull();
});
