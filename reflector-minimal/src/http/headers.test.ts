import { expect, test } from 'vitest';
import { framingOf, responseFields, trailerFields } from './headers.ts';

test('how a body is delimited', () => {
  expect(framingOf(['Content-Length', '0'])).toBe('none');
  expect(framingOf(['content-LENGTH', '5'])).toBe('length');
  expect(framingOf(['Transfer-Encoding', 'chunked'])).toBe('chunked');
});

test('a response and trailers lose what must not pass', () => {
  expect(
    responseFields(['A', '1', 'Connection', 'close, B', 'b', '2', 'Transfer-Encoding', 'chunked']),
  ).toEqual(['A', '1']);
  expect(
    trailerFields(['X-Sum', '1', 'Content-Length', '5', 'Authorization', 'x', 'Transfer-Encoding', 'y']),
  ).toEqual([['X-Sum', '1']]);
});

test.each([1, 8, 9, 7_000])('what one of %s options of Connection names is of this connection', (count) => {
  const options = Array.from({ length: count }, (_, n) => `x-${n}`).join(', ');
  const lines = ['Connection', options, `X-${count - 1}`, 'gone', 'X-None', 'stays'];
  expect(responseFields(lines)).toEqual(['X-None', 'stays']);
});

test('a device does not speak in the place of the reflector', () => {
  const lines = ['X-PTTH-Error', 'log in again', 'x-authenticate', 'TOTP', 'X-Error', '1'];
  expect(responseFields(lines, 401)).toEqual(['X-Error', '1']);
  expect(trailerFields(lines)).toEqual([['X-Error', '1']]);
});
