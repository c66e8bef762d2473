import { isIPv6 } from 'node:net';

/**
 * What counts as one place in the world: an IPv4 address, or the /64 of an IPv6 address, which is one household or
 * server (RFC 6177) and within which addresses cost nothing.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const plain = (address.split('%', 1)[0] ?? '').toLowerCase();
  const [head = '', tail] = plain.split('::');
  const groups = (text: string | undefined) => (text ? text.split(':') : []);
  const [first, last] = [groups(head), groups(tail)];
  // An IPv4 address at the end stands for two groups.
  const present = first.length + last.length + (plain.includes('.') ? 1 : 0);
  const zeros = tail === undefined ? 0 : 8 - present;
  const all = [...first, ...Array.from({ length: zeros }, () => '0'), ...last];
  const prefix = all.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${prefix.join(':')}::/64`;
}
