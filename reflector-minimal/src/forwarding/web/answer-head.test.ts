import { expect, test } from 'vitest';
import { readServiceSettings } from '../../devices/service-settings.ts';
import { refusals } from '../../refusals/catalogue.ts';
import { incoming } from '../../testing/incoming.ts';
import { answerHead, answerTrailers } from './answer-head.ts';
import type { DeviceSite } from './device-links.ts';

function site(given: Partial<DeviceSite> = {}): DeviceSite {
  return {
    id: 'dev1',
    domain: 'r.example',
    port: 80,
    ports: [80],
    httpPort: 80,
    settingsOf: (port) => readServiceSettings({ targetHost: '192.168.1.1' }, port),
    origin: { protocol: 'https', authority: 'dev1.r.example' },
    shared: false,
    ...given,
  };
}

interface Asked {
  readonly lines?: readonly string[];
  readonly method?: string;
  readonly url?: string;
}

function head(
  status: number,
  headers: readonly string[],
  { lines = [], method = 'GET', url = '/', ...more }: Partial<DeviceSite> & Asked = {},
) {
  const request = incoming(lines, { method, url });
  return answerHead({ request, site: site(more), shared: false }, status, headers);
}

test('the head is for one user, within the host of the device, with links that the user can follow', () => {
  const given = [
    'Location',
    'http://192.168.1.1/sub/',
    'Set-Cookie',
    'a=b; Domain=r.example',
    'Connection',
    'close',
  ];
  expect(head(302, given)).toEqual([
    ...['Location', 'https://dev1.r.example/sub/', 'Set-Cookie', expect.stringMatching(/^a=b(?!.*domain)/i)],
    ...['Cache-Control', 'private'],
  ]);
});

test('a redirect to TLS that leads in a loop says what is missing; one that is forwarded leads there', () => {
  const loop = ['Server', 'x', 'LOCATION', 'https://192.168.1.1/'];
  expect(head(302, loop)).toEqual(refusals.otherScheme({ kind: 'https', port: 443 }));
  const lines = head(302, loop, { ports: [80, 443] });
  expect(lines).toEqual(expect.arrayContaining(['Server', 'x', 'LOCATION', 'https://dev1-443.r.example/']));
  const ours = head(302, ['Server', 'x', 'LOCATION', 'https://dev1.r.example/'], { ports: [80, 443] });
  expect(ours).toEqual(lines);
});

test('a redirect to another host name that leads in a loop names it', () => {
  const settingsOf = (port: number) =>
    readServiceSettings({ targetHost: 'pump.lan', 'service-80': 'host=a.lan' }, port);
  expect(head(302, ['Location', 'http://pump.lan/'], { settingsOf })).toEqual(refusals.otherHost('pump.lan'));
});

test('a service that speaks TLS and leads to plain HTTP leads in a loop, too', () => {
  const settingsOf = (port: number) => readServiceSettings({ 'service-80': 'kind=https' }, port);
  expect(head(302, ['Location', 'http://127.0.0.1/'], { settingsOf })).toEqual(
    refusals.otherScheme({ kind: 'http', port: 80 }),
  );
  expect(head(302, ['Location', 'https://127.0.0.1:80/'], { settingsOf })).toEqual(
    refusals.otherHost('127.0.0.1:80'),
  );
});

test('a redirect that tests cookies is no loop, unless the browser has brought one for the device', () => {
  const given = ['Location', 'https://192.168.1.1/', 'Set-Cookie', 'a=b'];
  const ours = '__Host-rm-device-session=x';
  expect(head(302, given)).not.toHaveProperty('status');
  expect(head(302, given, { lines: ['Cookie', ours] })).not.toHaveProperty('status');
  expect(head(302, given, { lines: ['Cookie', ours, 'Cookie', 'a=b'] })).toHaveProperty('status', 502);
});

test('what leads to another page, or follows something else than a read, is no loop', () => {
  const given = ['Location', 'https://192.168.1.1/'];
  expect(head(302, given, { url: '/other' })).not.toHaveProperty('status');
  expect(head(302, given, { method: 'POST' })).not.toHaveProperty('status');
  expect(head(200, given)).not.toHaveProperty('status');
  expect(head(302, [])).toEqual(['Cache-Control', 'private']);
});

test('trailers have no effect beyond the host either', () => {
  const trailers = answerTrailers({ shared: false }, [
    'X-Sum',
    '1',
    'X-Accel-Redirect',
    '/x',
    'Set-Cookie',
    'a=b',
  ]);
  expect(trailers).toContainEqual(['X-Sum', '1']);
  expect(trailers.map(([name]) => name)).not.toContain('X-Accel-Redirect');
});
