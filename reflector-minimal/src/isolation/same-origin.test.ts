import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { isSameOrigin } from './same-origin.ts';

test.each([
  [{ origin: 'https://remote.example.com:8443' }, true],
  [{ origin: 'HTTPS://Remote.example.com:8443' }, true],
  [{ origin: 'http://remote.example.com:8443' }, false],
  [{ origin: 'https://remote.example.com' }, false],
  [{ origin: 'https://dev1.remote.example.com:8443' }, false],
  [{ origin: 'https://dev1.remote.example.com:8443', 'sec-fetch-site': 'same-origin' }, false],
  [{ origin: 'null' }, false],
  [{ origin: 'null', 'sec-fetch-site': 'same-origin' }, true],
  [{ 'sec-fetch-site': 'same-origin' }, true],
  [{ 'sec-fetch-site': 'same-site' }, false],
  [{ 'sec-fetch-site': 'none' }, false],
  [{}, false],
])('%j proves it: %s', (headers, proven) => {
  const request = { headers } as unknown as IncomingMessage;
  const origin = {
    protocol: 'https',
    authority: 'remote.example.com:8443',
    address: '',
    forwardedFor: '',
  } as const;
  expect(isSameOrigin(request, origin)).toBe(proven);
});
