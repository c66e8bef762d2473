import { expect, test } from 'vitest';
import { readServiceSettings } from '../devices/service-settings.ts';
import { framingOf, requestHeaders, responseHeaders, trailerFields } from './headers.ts';

const origin = {
  address: '192.0.2.1',
  protocol: 'https',
  authority: 'dev1.example',
  forwardedFor: '192.0.2.1',
} as const;

const settings = readServiceSettings({}, 80);

test('a request loses what is of one connection, and the credentials', () => {
  const headers = requestHeaders(
    [
      'Host',
      'x',
      'TE',
      'trailers, gzip',
      'Connection',
      'TE, X-One',
      'X-One',
      '1',
      'Keep-Alive',
      '5',
      'Proxy-Authorization',
      'p',
      'AUTHORIZATION',
      'q',
      'X_PTTH-Authorization',
      'r',
      'Accept',
      '*/*',
    ],
    'GET',
    { body: 'none' },
    origin,
    settings,
  );
  expect(headers).toEqual([
    'Host',
    'x',
    'Accept',
    '*/*',
    'TE',
    'trailers',
    'X-Forwarded-For',
    '192.0.2.1',
    'X-Forwarded-Proto',
    'https',
    'X-Forwarded-Host',
    'dev1.example',
    'Connection',
    'TE',
  ]);
});

test('an upgrade and a chunked body are declared anew', () => {
  const headers = requestHeaders(
    ['Upgrade', 'old', 'Transfer-Encoding', 'chunked'],
    'POST',
    { body: 'chunked', upgrade: 'websocket' },
    origin,
    settings,
  );
  expect(headers.join('|')).toMatch(
    /^Transfer-Encoding\|chunked\|Upgrade\|websocket\|.*\|Connection\|Upgrade$/,
  );
});

test('how a body is delimited', () => {
  expect(framingOf(['Content-Length', '0'])).toBe('none');
  expect(framingOf(['content-LENGTH', '5'])).toBe('length');
  expect(framingOf(['Transfer-Encoding', 'chunked'])).toBe('chunked');
});

test('a response and trailers lose what must not pass', () => {
  expect(
    responseHeaders(['A', '1', 'Connection', 'close, B', 'b', '2', 'Transfer-Encoding', 'chunked']),
  ).toEqual(['A', '1']);
  expect(
    trailerFields(['X-Sum', '1', 'Content-Length', '5', 'Authorization', 'x', 'Transfer-Encoding', 'y']),
  ).toEqual([['X-Sum', '1']]);
});
