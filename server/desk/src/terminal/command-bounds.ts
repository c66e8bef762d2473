import type { Terminal } from '@xterm/xterm';
import { limits } from '../limits.ts';

type Bounded = Pick<Terminal, 'parser' | 'rows' | 'cols'>;

/** Final bytes of what xterm does as often as the device says, one step after the other, and the most that has an effect. */
const bounds: readonly (readonly [finals: string, most: (terminal: Bounded) => number])[] = [
  // Insert and delete lines, scroll up and down.
  ['LMST', ({ rows }) => rows],
  // Tabs forwards and backwards.
  ['IZ', ({ cols }) => cols],
  // The last character again.
  ['b', () => limits.repetitions],
];

/** Leaves out what would keep the page busy for minutes, or for ever: xterm takes any number up to 2^31 - 1. */
export function boundCommands(terminal: Bounded): void {
  for (const [finals, most] of bounds) {
    for (const final of finals) {
      // What is handled here is not done.
      terminal.parser.registerCsiHandler(
        { final },
        ([times]) => typeof times === 'number' && times > most(terminal),
      );
    }
  }
}
