import { describe, expect, test } from 'vitest';
import { Destinations } from './destinations.ts';

describe('where webhooks may lead to', () => {
  const none = new Destinations([]);
  test.each([
    ...[
      '0.0.0.0',
      '10.1.2.3',
      '100.64.0.1',
      '127.0.0.1',
      '127.9.9.9',
      '169.254.169.254',
      '172.16.0.1',
      '172.31.255.255',
    ],
    ...['192.168.1.1', '192.0.0.8', '198.18.0.1', '224.0.0.1', '255.255.255.255', '240.0.0.1'],
    ...[
      '::',
      '::1',
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '::7f00:1',
      '64:ff9b::7f00:1',
      'fe80::1',
      'fe80::1%eth0',
    ],
    ...['fc00::1', 'fd12::1', 'ff02::1', '2002:7f00:1::', '2001::1', '2001:db8::1', 'fec0::1'],
  ])('not to %s', (address) => {
    expect(none.refusal(address, true)).toMatch(/public internet|no address/);
  });

  test.each(['1.1.1.1', '93.184.216.34', '172.32.0.1', '2606:4700::1111', '2a00:1450::1', '::ffff:1.1.1.1'])(
    'to %s, by TLS only',
    (address) => {
      expect(none.refusal(address, true)).toBe(null);
      expect(none.refusal(address, false)).toMatch('without TLS');
    },
  );

  test('to what is allowed, without TLS too', () => {
    const some = new Destinations(['10.1.0.0/16', '127.0.0.1', 'fd00::/8', '1.1.1.1']);
    for (const address of ['10.1.2.3', '127.0.0.1', '::ffff:127.0.0.1', 'fd12::1', '1.1.1.1']) {
      expect(some.refusal(address, false)).toBe(null);
    }
    expect(some.refusal('10.2.0.1', true)).not.toBe(null);
    expect(some.refusal('127.0.0.2', true)).not.toBe(null);
  });

  test.each(['x', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0.0/', '::/129', 'localhost'])(
    '%s is no network',
    (text) => {
      expect(() => new Destinations([text])).toThrow('is no address');
    },
  );
});
