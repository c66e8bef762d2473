import { expect, test } from 'vitest';
import { readResponseHead } from '../../device-http/response-head.ts';
import { interimResponse } from './interim-response.ts';

const text = (head: string) => interimResponse(readResponseHead(`${head}\r\n\r\n`, 'GET', 100), false);

test('an interim response is written as the device has sent it, without what frames a body', () => {
  expect(text('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nContent-Length: 5\r\nX-A: 1')).toBe(
    'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-A: 1\r\n\r\n',
  );
});

test('a reason that is missing is that of the standard, if there is one', () => {
  expect(text('HTTP/1.1 102')).toBe('HTTP/1.1 102 Processing\r\n\r\n');
  expect(text('HTTP/1.1 199')).toBe('HTTP/1.1 199 \r\n\r\n');
});
