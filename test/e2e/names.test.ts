import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { Field, servicePort } from '../networks/field.ts';
import { addresses } from '../networks/lab.ts';
import { NameServer } from '../networks/name-server.ts';

/**
 * Names and addresses on a real network: RFC 8305, and a name server that does not answer. Each test has a lab of its own, and all of
 * them run at once, because they wait for time-outs.
 */

const agents = [
  ['node', ['node', 'dist/node/rm-agent.mjs']],
  ['x86_64', ['dist/x86_64/rm-agent']],
] as const;

describe.concurrent.each(agents)('the agent %s', (_, agent) => {
  test('gets out by IPv4 where IPv6 leads nowhere', async ({ expect, onTestFinished }) => {
    const field = await Field.start(agent, {
      proxy: false,
      name: 'reflector.test',
      // An attempt that a busy machine ends would dial once more.
      configuration: { log: { level: 'debug', to: 'stderr' }, timeouts: { connect: 120, keepAlive: 120 } },
      prepare: (lab) => {
        lab.cover('/etc/hosts', `2001:db8:2::2 reflector.test\n${addresses.internet} reflector.test\n`);
        // The router takes what is for the internet, and drops it without a word: it forwards no IPv6.
        lab.sh('router', 'ip -6 addr add 2001:db8:1::1/64 dev inside nodad');
        lab.sh(
          'device',
          'ip -6 addr add 2001:db8:1::2/64 dev eth0 nodad; ip -6 route add default via 2001:db8:1::1 dev eth0',
        );
      },
    });
    onTestFinished(() => field.stop());
    const dialled = field.agent.log.flatMap((line) => /connecting (\S+) port/.exec(line)?.[1] ?? []);
    expect(dialled).toEqual(['2001:db8:2::2', addresses.internet]);
    expect(await field.ask()).toBe('alive');
  });

  test('asks for the address at each attempt, however long it was to be kept, and not in between', async ({
    expect,
    onTestFinished,
  }) => {
    const directory = mkdtempSync(join(tmpdir(), 'rm-names-'));
    let names: NameServer | undefined;
    try {
      const field = await Field.start(agent, {
        proxy: false,
        name: 'reflector.test',
        configuration: { log: { level: 'debug', to: 'stderr' } },
        prepare: (lab) => {
          const file = join(directory, 'answer');
          names = new NameServer(lab.in('internet'), addresses.internet, file, addresses.internet);
          lab.cover('/etc/hosts', '127.0.0.1 localhost\n');
          lab.cover('/etc/resolv.conf', `nameserver ${addresses.internet}\noptions timeout:1\n`);
        },
      });
      onTestFinished(() => field.stop());
      if (!names) throw new Error('no name server');
      expect(await field.ask()).toBe('alive');
      const asked = names.asked;
      expect(asked).toBeGreaterThan(0);
      for (let round = 0; round < 5; round++) expect(await field.ask()).toBe('alive');
      expect(names.asked).toBe(asked);

      const seen = field.agent.log.length;
      const moved = '10.77.2.9';
      names.answer(moved);
      field.lab.sh('router', 'conntrack -F');
      await field.agent.logged(/disconnected/, seen);
      await field.agent.logged(new RegExp(`connecting ${moved} port`), seen);
      names.answer(addresses.internet);
      await field.agent.logged(/ connected to/, seen);
      expect(await field.ask()).toBe('alive');
    } finally {
      await names?.stop();
      rmSync(directory, { recursive: true });
    }
  });

  test('serves others while a name server does not answer', async ({ expect, onTestFinished }) => {
    const [lost, local] = [servicePort + 1, servicePort + 2];
    const field = await Field.start(agent, {
      proxy: false,
      configuration: {
        services: [
          { port: servicePort, kind: 'http' },
          { port: lost, kind: 'http', target: 'slow.test' },
          { port: local, kind: 'http', target: 'service.test' },
        ],
      },
      prepare: (lab) => {
        lab.cover('/etc/hosts', '127.0.0.1 service.test\n');
        // Longer than the agent waits, also on a busy machine; once, because Node ends no sooner than its look-ups.
        lab.cover('/etc/resolv.conf', 'nameserver 10.77.9.9\noptions timeout:30 attempts:1\n');
        lab.sh('router', 'ip route add blackhole 10.77.9.0/24');
      },
    });
    onTestFinished(() => field.stop());
    // Its channels end by the agent's own time limit, which could not run out while a look-up held up everything.
    const waiting = Promise.all(Array.from({ length: 8 }, () => field.ask(lost)));
    expect(await field.ask()).toBe('alive');
    // Nobody listens there, which is known as soon as its name is.
    expect(await field.ask(local)).toMatch(/Nothing answers/);
    for (const answer of await waiting) expect(answer).toMatch(/in time/);
  });
});
