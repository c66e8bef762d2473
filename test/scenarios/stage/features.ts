import { executable } from './agent-process.ts';

const without = new Set((process.env.RM_WITHOUT ?? '').split(','));

/** Whether the executable was built without this feature of `toolchain/tiny/features.mjs` (`RM_WITHOUT`). */
export function lacks(feature: 'tls' | 'tls13' | 'import' | 'gateway' | 'mqtt'): boolean {
  return without.has(feature);
}

/** Whether the executable runs by means of this, or is on this: the name is part of its command. */
export function runsUnder(program: 'node' | 'valgrind' | 'library'): boolean {
  return executable.some((word) => word.includes(program));
}
