import { expect, test } from 'vitest';
import { withinItsHost } from './device-cookies.ts';

const kept = [
  'Report-To',
  'NEL',
  'Reporting-Endpoints',
  'Accept-CH',
  'Critical-CH',
  'Expect-CT',
  'Public-Key-Pins',
  'Strict-Transport-Security',
  'Set-Login',
  'WWW-Authenticate',
];

test.each(kept)('%s passes on the host of a device, and not where the next device would have it', (name) => {
  expect(withinItsHost([name, 'x'], false)).toEqual([name, 'x']);
  expect(withinItsHost([name, 'x'], true)).toEqual([]);
  expect(withinItsHost([name.toUpperCase(), 'x', name.toLowerCase(), 'y'], true)).toEqual([]);
});

test('Alt-Svc names ports of the device, which are not those of the reflector', () => {
  for (const shared of [false, true]) expect(withinItsHost(['Alt-Svc', 'h3=":443"'], shared)).toEqual([]);
});

test('what holds for one document passes everywhere', () => {
  const lines = [
    'Content-Security-Policy',
    "default-src 'self'; report-to x; report-uri /r",
    'Permissions-Policy',
    'camera=()',
    'Refresh',
    '5',
  ];
  for (const shared of [false, true]) expect(withinItsHost(lines, shared)).toEqual(lines);
});
