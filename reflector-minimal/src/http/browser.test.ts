import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { isBrowser, isNavigation } from './browser.ts';

const asked = (headers: Record<string, string>, method = 'GET') =>
  ({ method, headers }) as unknown as IncomingMessage;
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

test.each([
  [{ 'user-agent': firefox }, true],
  [{ 'sec-fetch-site': 'none' }, true],
  [{}, false],
  [{ 'user-agent': 'curl/8.14.1' }, false],
  // What fetch of Node and PowerShell send.
  [{ 'user-agent': 'node', 'sec-fetch-mode': 'cors' }, false],
  [{ 'user-agent': 'Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10; en-GB) PowerShell/7.5.0' }, false],
])('%j is a browser: %s', (headers, expected) => {
  expect(isBrowser(asked(headers as Record<string, string>))).toBe(expected);
});

test.each([
  [{ accept: 'text/html,*/*' }, true],
  [{ accept: 'text/html', authorization: 'Basic YTpi' }, false],
  // The device asked for it, and the session has ended in the meantime.
  [{ accept: 'text/html', authorization: 'Basic YTpi', 'user-agent': firefox }, true],
  [{ accept: 'text/html', 'sec-fetch-dest': 'document' }, true],
  [{ accept: 'text/html', 'sec-fetch-dest': 'iframe' }, false],
  [{ accept: '*/*' }, false],
])('%j brings a person to the log-in page: %s', (headers, expected) => {
  expect(isNavigation(asked(headers as Record<string, string>))).toBe(expected);
  expect(isNavigation(asked(headers as Record<string, string>, 'POST'))).toBe(false);
});
