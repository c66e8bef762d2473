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
