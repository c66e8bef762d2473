import { afterEach, describe, expect, test } from 'vitest';
import { Field, servicePort } from '../networks/field.ts';
import { addresses } from '../networks/lab.ts';

/** Names and addresses on a real network: RFC 8305, and a name server that does not answer. */

const agents = [
  ['node', ['node', 'dist/node/rm-agent.mjs']],
  ['x86_64', ['dist/x86_64/rm-agent']],
] as const;

describe.each(agents)('the agent %s', (_, agent) => {
  let field: Field | undefined;

  afterEach(() => field?.stop());

  test('gets out by IPv4 where IPv6 leads nowhere', async () => {
    field = await Field.start(agent, {
      proxy: false,
      name: 'reflector.test',
      configuration: { log: { level: 'debug', to: 'stderr' } },
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
    const dialled = field.agent.log.flatMap((line) => /connecting (\S+) port/.exec(line)?.[1] ?? []);
    expect(dialled).toEqual(['2001:db8:2::2', addresses.internet]);
    expect(await field.ask()).toBe('alive');
  });

  test('serves others while a name server does not answer', async () => {
    const lost = servicePort + 1;
    field = await Field.start(agent, {
      proxy: false,
      configuration: {
        services: [
          { port: servicePort, kind: 'http' },
          { port: lost, kind: 'http', target: 'slow.test' },
        ],
      },
      prepare: (lab) => {
        lab.cover('/etc/resolv.conf', 'nameserver 10.77.9.9\n');
        lab.sh('router', 'ip route add blackhole 10.77.9.0/24');
      },
    });
    // Its channel ends by the agent's own time limit, which could not run out while a look-up held up everything.
    const waiting = field.ask(lost);
    expect(await field.ask()).toBe('alive');
    expect(await waiting).toMatch(/in time/);
  });
});
