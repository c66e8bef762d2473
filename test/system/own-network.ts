/** A command in front of another, which runs that in a network of its own, in which it has the address 192.0.2.1. */
export const ownNetwork = [
  'unshare',
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
  ...['--net', 'sh', '-e', '-c'],
  `ip link set lo up
   ip link add one type veth peer name two; ip link set two up; ip link set one up
   ip addr add 192.0.2.1/24 dev one
   exec "$@"`,
  'sh',
];
