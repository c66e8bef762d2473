import { expect, test } from 'vitest';
import { readOwnConfiguration } from '../configuration/configuration.ts';
import { clipboardOf } from './clipboard.ts';

const off = { toDevice: false, fromDevice: false };
const settings = (desktop: unknown) => readOwnConfiguration({ desktop }, '/etc/rm-server.json').desktop;

test('nothing passes unless the configuration says so', () => {
  for (const none of [undefined, {}, { clipboard: 'off' }]) {
    expect(clipboardOf(settings(none), 'acme')).toEqual(off);
  }
});

test('the setting of a domain counts more than that of all', () => {
  const some = settings({ clipboard: 'both', domains: { acme: 'toDevice', northwind: 'off' } });
  expect(clipboardOf(some, 'acme')).toEqual({ toDevice: true, fromDevice: false });
  expect(clipboardOf(some, 'northwind')).toEqual(off);
  expect(clipboardOf(some, 'other')).toEqual({ toDevice: true, fromDevice: true });
  expect(clipboardOf(settings({ domains: { acme: 'fromDevice' } }), 'acme')).toEqual({
    toDevice: false,
    fromDevice: true,
  });
});

test('a domain may have the name of what every object has', () => {
  expect(clipboardOf(settings({ domains: {} }), 'constructor')).toEqual(off);
});

test('a mistake is named', () => {
  expect(() => settings({ clipboard: 'on' })).toThrow(
    'desktop.clipboard: must be one of off, toDevice, fromDevice, both',
  );
  expect(() => settings({ domains: { acme: true } })).toThrow('desktop.domains.acme: ');
  expect(() => settings({ clipbord: 'off' })).toThrow('desktop.clipbord: is unknown');
});
