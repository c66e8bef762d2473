import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { startAgent } from './agent-subject.ts';
import { instructionCosts } from './instructions.ts';
import { type Extent, type Figures, measure, measureIdle, type Ports } from './measure.ts';
import { hottest } from './profile.ts';
import { startSsh } from './ssh-subject.ts';
import type { Subject } from './subject.ts';
import { startSystem } from './system-subject.ts';
import { table } from './table.ts';

const usage = `Usage: npm run bench -- [OPTIONS]

Measures agents beside "ssh -R" on this machine, in one run.

  --agent COMMAND   the executable, with leading arguments; may be repeated
                    (default: RM_AGENT, or node dist/node/rm-agent.mjs)
  --only PART       of: legacy, extension, system, ssh; may be repeated
  --mib N           MiB for each direction and round (default 512)
  --rounds N        rounds of each throughput measure (default 3)
  --idle SECONDS    how long idleness is watched (default 20)
  --tls             the tunnels of "legacy" and "extension" over TLS
  --profile DIR     write V8 profiles of agents that run on Node, and name the hottest functions
  --instructions    only count instructions for a data frame and for a channel opened and closed, with callgrind
                    (Debian's valgrind), of a static agent such as dist/i686/rm-agent
  --json            print JSON instead of a table
`;

const { values: options } = parseArgs({
  options: {
    agent: { type: 'string', multiple: true },
    only: { type: 'string', multiple: true },
    mib: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '3' },
    idle: { type: 'string', default: '20' },
    tls: { type: 'boolean', default: false },
    profile: { type: 'string' },
    instructions: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}

const extent: Extent = {
  mebibytes: Number(options.mib),
  rounds: Number(options.rounds),
  seconds: 3,
  idleSeconds: Number(options.idle),
};

const services = new Worker(new URL('./local-services.js', import.meta.url));
const [ports] = (await once(services, 'message')) as [Ports];
const all = [ports.sink, ports.source, ports.echo];

/** `node` with the options that make it write a profile when it ends. */
function profiled(command: readonly string[], directory: string | undefined): readonly string[] {
  const [program = '', ...rest] = command;
  if (directory === undefined || !/^node/.test(basename(program))) return command;
  return [program, '--cpu-prof', `--cpu-prof-dir=${directory}`, ...rest];
}

const profileRoot = options.profile === undefined ? undefined : resolve(options.profile);
const wanted = (part: string) => !options.only || options.only.includes(part);
const titles = { legacy: 'frames of 2 KiB', extension: 'extension', system: 'with rm-reflector' };
const starts: { readonly start: () => Promise<Subject>; readonly profile?: string }[] = [];
const agents = options.agent ?? [process.env.RM_AGENT ?? 'node dist/node/rm-agent.mjs'];
for (const [index, agent] of agents.entries()) {
  const suffix = agents.length > 1 ? ` [${index + 1}]` : '';
  for (const part of ['legacy', 'extension', 'system'] as const) {
    if (!wanted(part)) continue;
    const profile = profileRoot && mkdtempSync(join(makeDirectory(profileRoot), `${part}-`));
    const command = profiled(agent.split(/ +/), profile);
    const name = `${titles[part]}${suffix}`;
    const start = () =>
      part === 'system'
        ? startSystem(name, command, all, profile && join(profile, 'reflector'))
        : startAgent({ name, command, ports: all, extension: part === 'extension', tls: options.tls });
    starts.push({ start, ...(profile ? { profile } : {}) });
  }
}
if (wanted('ssh')) starts.push({ start: () => startSsh(all) });

function makeDirectory(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

if (options.instructions) {
  for (const agent of agents) {
    for (const cost of await instructionCosts(agent.split(/ +/), ports)) {
      process.stdout.write(
        `${agent}: ${cost.what}: ${cost.instructions} instructions, ` +
          `about ${cost.microseconds24KEc} µs on a MIPS 24KEc at 580 MHz\n`,
      );
    }
  }
  await services.terminate();
  process.exit(0);
}

const subjects: { readonly subject: Subject; readonly profile?: string }[] = [];
for (const { start, ...rest } of starts) subjects.push({ subject: await start(), ...rest });
process.stderr.write('idle\n');
const idle = await measureIdle(
  subjects.map(({ subject }) => subject),
  extent,
);
const figures: Figures[] = [];
for (const { subject, profile } of subjects) {
  const report = (step: string) => process.stderr.write(`${subject.name}: ${step}\n`);
  const idleness = idle.get(subject);
  if (idleness) figures.push(await measure(subject, idleness, ports, extent, report));
  await subject.stop();
  for (const directory of profile ? [profile, join(profile, 'reflector')] : []) {
    if (existsSync(directory)) process.stderr.write(`${hottest(directory)}\n`);
  }
}
await services.terminate();
agents.forEach((agent, index) => {
  if (!options.json && agents.length > 1) process.stdout.write(`[${index + 1}] ${agent}\n`);
});
process.stdout.write(options.json ? `${JSON.stringify(figures, null, 2)}\n` : `${table(figures)}\n`);
