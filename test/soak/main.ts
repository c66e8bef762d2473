import { parseArgs } from 'node:util';
import { type Course, soak } from './soak.ts';

/** `npm run soak`: forced reconnects, and an hour of mixed traffic. */

const usage = `Usage: npm run soak -- [OPTIONS]

Loses the tunnel over and over, then lets users of all kinds at the device; prints memory and descriptors.

  --agent COMMAND   the executable, with leading arguments; may be repeated
                    (default: dist/x86_64/rm-agent, and node dist/node/rm-agent.mjs)
  --reconnects N    (default 1000)
  --minutes N       of traffic, for each agent (default 60)
  --seed N          of what the users do (default: another one each time)
`;

const { values: options } = parseArgs({
  options: {
    agent: { type: 'string', multiple: true },
    reconnects: { type: 'string', default: '1000' },
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}

const text = ({ early, late }: Course) =>
  `${early.memory} KiB, then ${late.memory} KiB; ${late.descriptors} descriptors more`;

const seed = Number(options.seed ?? Date.now() % 1_000_000);
for (const agent of options.agent ?? ['dist/x86_64/rm-agent', 'node dist/node/rm-agent.mjs']) {
  const figures = await soak({
    agent: agent.split(/ +/),
    reconnects: Number(options.reconnects),
    seconds: Number(options.minutes) * 60,
    seed,
  });
  const done = [...figures.tally].map(([name, count]) => `${count} ${name}`).join(', ');
  process.stdout.write(`${agent} (seed ${seed})
  ${options.reconnects} reconnects: ${text(figures.reconnects)}
  ${options.minutes} min of traffic: ${text(figures.agent)}
  the reflector: ${text(figures.reflector)}
  ${done}
`);
}
