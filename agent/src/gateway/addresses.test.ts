import { expect, test } from 'vitest';
import type { HostErrorCode } from '../host.ts';
import { addressFault } from './addresses.ts';

const fibTrie =
  '  +-- 192.168.1.0/24 2 0 2\n     |-- 192.168.1.9\n        /32 host LOCAL\n     |-- 192.168.1.0\n        /24 link UNICAST\n';
const inet6 = 'fd000000000000000000000000000009 02 40 00 80     eth0\n';

const failure = (code: HostErrorCode) => Object.assign(new Error(code), { code });

function judge(address: string, tables: Readonly<Record<string, string | Error>>): string | null {
  const read = (path: string) => {
    const found = tables[path] ?? failure('not-found');
    if (found instanceof Error) throw found;
    return Buffer.from(found);
  };
  return addressFault({ read }, { address, family: address.includes(':') ? 6 : 4 });
}

const both = { '/proc/net/fib_trie': fibTrie, '/proc/net/if_inet6': inet6 };

test.each([
  ['192.168.1.20', null],
  ['192.168.1.9', 'an address of the gateway itself'],
  ['::ffff:192.168.1.9', 'an address of the gateway itself'],
  ['fd00::9', 'an address of the gateway itself'],
  ['fd00::20', null],
  ['127.0.0.1', 'a loopback address'],
  ['0.0.0.0', 'a loopback address'],
  ['::1', 'a loopback address'],
  ['::ffff:127.1.2.3', 'a loopback address'],
  ['169.254.1.1', 'a link-local address'],
  ['fe80::1%eth0', 'a link-local address'],
  ['224.0.0.1', 'an address of no single machine'],
  ['pump', 'no address'],
])('%s: %s', (address, fault) => {
  expect(judge(address, both)).toBe(fault);
});

test('what is no address of ours without IPv6 in the kernel may be dialled', () => {
  expect(judge('192.168.1.20', { '/proc/net/fib_trie': fibTrie })).toBeNull();
});

test.each(['/proc/net/fib_trie', '/proc/net/if_inet6'])(
  'nothing is dialled while %s cannot be read',
  (path) => {
    const tables = { ...both, [path]: failure('too-large') };
    expect(judge('192.168.1.20', tables)).toContain('cannot be read');
  },
);
