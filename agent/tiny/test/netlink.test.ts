import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type Guest, runWith, type Script } from './guest.ts';

/**
 * A network of the guest's own with the link `one`, which is gone with it. The kernel tells some time after `up` that a
 * link works (operational state, RFC 2863), which the guest would take for a change.
 */
const unshare = [
  'unshare',
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
  ...['--net', 'sh', '-e', '-c'],
  `ip link add one type veth peer name two; ip link set two up; ip link set one up
   until ip link show one | grep -q 'state UP'; do sleep 0.01; done
   exec "$@"`,
  'sh',
];

/** Changes the network of the guest with a line of shell. */
function change(guest: Guest, line: string): void {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
  const args = ['--target', String(guest.process.pid), ...user, '--net', '--', 'sh', '-e', '-c', line];
  const { status, stderr } = spawnSync('nsenter', args, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
}

const reportChanges: Script<[]> = (native, report) => {
  const watch = native.network.onChange(
    () => report('changed'),
    ({ code, message }) => report('failed', code, message),
  );
  native.system.onSignal('SIGTERM', () => {
    watch.cancel();
    watch.cancel();
    report('cancelled');
  });
  report('ready');
};

describe('onChange', () => {
  it('tells of addresses, default routes and links, and of nothing else', async () => {
    const guest = runWith({ before: unshare }, reportChanges);
    await guest.expect('ready');
    change(guest, 'ip link set lo up');
    for (const line of [
      'ip addr add 192.0.2.5/24 dev one',
      // Renewals, routes that are no default routes, addresses that only neighbours reach: no changes.
      `ip addr change 192.0.2.5/24 dev one valid_lft 1000 preferred_lft 500
       ip route add 203.0.113.0/24 via 192.0.2.1
       ip addr add fe80::5/64 dev one nodad
       ip addr add 127.0.0.9/8 dev lo scope host
       ip route add default via 192.0.2.1`,
      'ip route add default via 192.0.2.2 metric 7',
      'ip route replace default via 192.0.2.3',
      'ip route replace blackhole default',
      'ip route replace default via 192.0.2.1',
      'ip route del default metric 7',
      'ip addr add 2001:db8::5/64 dev one nodad',
      'ip -6 route add default via fe80::1 dev one',
      'ip addr del 2001:db8::5/64 dev one',
      // First, since the kernel would tell apart that it goes with the address.
      'ip route del default via 192.0.2.1',
      'ip addr del 192.0.2.5/24 dev one',
    ]) {
      change(guest, line);
      await guest.expect('changed');
    }
    guest.process.kill('SIGTERM');
    await guest.expect('cancelled');
    expect(await guest.finish()).toEqual([]);
  });

  it('tells that a link has gone down, and that it is up again', async () => {
    const guest = runWith({ before: unshare }, reportChanges);
    await guest.expect('ready');
    change(guest, 'ip link set one down');
    await guest.expect('changed');
    change(guest, 'ip link set one up');
    await guest.expect('changed');
    guest.process.kill('SIGTERM');
    expect((await guest.finish()).at(-1)).toEqual(['cancelled']);
  });

  it('is told to whoever wants to know, until it is cancelled', async () => {
    const guest = runWith({ before: unshare }, (native, report) => {
      const first = native.network.onChange(
        () => {
          report('changed', 'first');
          first.cancel();
        },
        () => report('failed'),
      );
      const second = native.network.onChange(
        () => report('changed', 'second'),
        () => report('failed'),
      );
      native.system.onSignal('SIGTERM', () => second.cancel());
      report('ready');
    });
    await guest.expect('ready');
    change(guest, 'ip addr add 192.0.2.4/24 dev one');
    const told = [await guest.expect('changed'), await guest.expect('changed')];
    expect(told.sort()).toEqual([['first'], ['second']]);
    change(guest, 'ip addr add 192.0.2.5/24 dev one');
    expect(await guest.expect('changed')).toEqual(['second']);
    guest.process.kill('SIGTERM');
    expect(await guest.finish()).toEqual([]);
  });

  it('survives more changes than the kernel keeps for it, and more addresses than it remembers', async () => {
    const guest = runWith({ before: unshare }, reportChanges);
    await guest.expect('ready');
    guest.process.kill('SIGSTOP');
    change(
      guest,
      `for i in $(seq 1 250); do echo "addr add 10.0.$i.1/24 dev one"; echo "addr add 10.1.$i.1/24 dev one"; done | ip -batch -
       ip addr flush dev one`,
    );
    guest.process.kill('SIGCONT');
    await guest.expect('changed');
    guest.process.kill('SIGTERM');
    expect((await guest.finish()).at(-1)).toEqual(['cancelled']);
  });

  it('says when it cannot tell', async () => {
    const guest = runWith({ before: ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'] }, (native, report) => {
      const watches = Array.from({ length: 80 }, () =>
        native.network.onChange(
          () => report('changed'),
          ({ code }) => {
            report('failed', code);
            for (const watch of watches) watch.cancel();
          },
        ),
      );
    });
    expect(await guest.finish()).toEqual([['failed', 'no-resources']]);
  });
});
