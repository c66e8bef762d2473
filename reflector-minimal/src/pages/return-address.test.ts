import { expect, test } from 'vitest';
import { returnAddress } from './return-address.ts';

const origin = {
  protocol: 'https',
  authority: 'remote.example.com:8443',
  address: '',
  forwardedFor: '',
} as const;
const home = 'https://remote.example.com:8443/';

test.each([
  [null, home],
  ['', home],
  ['/account?x=1', `${home}account?x=1`],
  [`${home}deep/path`, `${home}deep/path`],
  ['https://dev1.remote.example.com:8443/a?b#c', 'https://dev1.remote.example.com:8443/a?b#c'],
  ['https://dev1-81.remote.example.com:8443/', 'https://dev1-81.remote.example.com:8443/'],
  // Elsewhere, in every spelling that a browser knows.
  ['https://evil.example.com/', home],
  ['//evil.example.com/', home],
  ['/\\evil.example.com/', home],
  ['\\\\evil.example.com', home],
  ['/\t/evil.example.com/', home],
  ['https:evil', `${home}evil`],
  ['https:/evil.example.com', `${home}evil.example.com`],
  ['/.//evil.example.com', `${home.slice(0, -1)}//evil.example.com`],
  ['https://remote.example.com:8443@evil.example.com/', home],
  ['https://user:pw@remote.example.com:8443/', home],
  ['https://remote.example.com.evil.example.com:8443/', home],
  ['https://evilremote.example.com:8443/', home],
  ['https://a.dev1.remote.example.com:8443/', home],
  // Another port or scheme is another server.
  ['https://remote.example.com/', home],
  ['https://dev1.remote.example.com/', home],
  ['http://dev1.remote.example.com:8443/', home],
  ['javascript:alert(1)', home],
  ['data:text/html,x', home],
  ['http://[', home],
  [`/${'x'.repeat(5000)}`, home],
  // A circle, or a log-in that ends with a log-out.
  ['/log-in?next=/log-in', home],
  ['/log-out', home],
])('%j leads to %s', (next, address) => {
  expect(returnAddress(next, origin, 'remote.example.com')).toBe(address);
});

test('the default port may be said or not', () => {
  const plain = { ...origin, authority: 'remote.example.com' };
  expect(returnAddress('https://dev1.remote.example.com:443/x', plain, 'remote.example.com')).toBe(
    'https://dev1.remote.example.com/x',
  );
});
