import { expect, test } from 'vitest';
import { readServiceSettings } from '../../devices/service-settings.ts';
import { requestHeaders } from './request-head.ts';

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
      'X_RM_Visitor',
      's',
      'X-RM-Visitor',
      't',
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

test('what is of this connection is named in one line', () => {
  const framing = { body: 'none', upgrade: 'websocket' } as const;
  const headers = requestHeaders(['TE', 'trailers'], 'GET', framing, origin, settings);
  expect(headers.slice(-2)).toEqual(['Connection', 'TE, Upgrade']);
});

test('trailers are asked for wherever the list names them, and in that spelling alone', () => {
  const te = (value: string) =>
    requestHeaders(['TE', value], 'GET', { body: 'none' }, origin, settings).slice(0, 2);
  for (const value of ['trailers', 'gzip, trailers', 'gzip,Trailers;q=1', 'trailers,gzip']) {
    expect(te(value)).toEqual(['TE', 'trailers']);
  }
  for (const value of ['xtrailers', 'trailersx', 'gzip']) expect(te(value)).not.toContain('TE');
});

test('what needs no line gets none; a body that is missing is said to be empty', () => {
  const local = { ...settings, forwarded: false };
  const of = (method: string, lines: readonly string[] = []) =>
    requestHeaders(lines, method, { body: 'none' }, origin, local);
  expect(of('GET')).toEqual([]);
  for (const method of ['POST', 'PUT', 'PATCH']) expect(of(method)).toEqual(['Content-Length', '0']);
  expect(of('POST', ['Content-Length', '0'])).toEqual(['Content-Length', '0']);
});
