import { type Disturbance, disturbances } from '../networks/disturbances.ts';
import { Field } from '../networks/field.ts';

/** `npm run bench:networks`: how long agents take to notice that a network has broken, and to come back. */

const agents = process.argv.slice(2);
if (agents.length === 0) agents.push('dist/x86_64/rm-agent', 'node dist/node/rm-agent.mjs');

const row = (cells: readonly string[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

async function measure(field: Field, agent: string, disturbance: Disturbance): Promise<void> {
  const { noticedMs, backMs } = await field.suffer(disturbance);
  row([disturbance.name, `\`${agent}\``, seconds(noticedMs), seconds(backMs)]);
}

row(['what happens', 'agent', 'noticed after', 'back after']);
row(['---', '---', '---:', '---:']);
for (const agent of agents) {
  const direct = await Field.start(agent.split(/ +/), { proxy: false });
  for (const disturbance of disturbances) await measure(direct, agent, disturbance);
  await direct.stop();
  const proxied = await Field.start(agent.split(/ +/), { proxy: true });
  await measure(proxied, agent, {
    name: 'the proxy is stopped, and started again',
    happen: () => proxied.stopProxy(),
    mend: () => proxied.startProxy(),
  });
  await proxied.stop();
}
