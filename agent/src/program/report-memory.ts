import type { Configuration } from '../config/configuration.ts';
import { inMiB, type Memory, memoryCost } from '../config/sizing.ts';
import type { System } from '../host.ts';

/** The line of `rm-agent check` about memory: what the configuration can cost at most, and what the machine has. */
export function reportMemory(system: System, configuration: Configuration, memory: Memory): void {
  const { agent, elsewhere } = memoryCost(configuration, system.residentMemory());
  const fits = agent + elsewhere <= memory.available;
  const { channels } = configuration.limits;
  system.print(
    1,
    `${fits ? 'ok    ' : 'FAILED'} memory        at most ${inMiB(agent)}, and ${inMiB(elsewhere)} for services and sockets of ${channels} channels; ` +
      `of ${inMiB(memory.total)}, ${inMiB(memory.available)} are available\n`,
  );
}
