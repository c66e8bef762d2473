import { expect, test } from 'vitest';
import { webAddress } from './web.ts';

test.each([
  [{ secure: true, host: 'remote.example.com', port: 443 }, 'https://pump-7.remote.example.com/'],
  [{ secure: true, host: 'remote.example.com', port: 8443 }, 'https://pump-7.remote.example.com:8443/'],
  [{ secure: false, host: 'localhost', port: 80 }, 'http://pump-7.localhost/'],
])('the address of a device at %j', (reflector, address) => {
  expect(webAddress({ ...reflector, target: '/' }, 'pump-7')).toBe(address);
});
