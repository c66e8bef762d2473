import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { sharedStateConformance } from '../ports/conformance/shared-state.ts';
import { SharedMemory } from './shared-memory.ts';

sharedStateConformance('in memory', () => {
  const clock = new ManualClock();
  const memory = new SharedMemory(clock);
  return {
    join: () => memory.join(),
    settle: async () => clock.advance(1),
    lose: async () => memory.lose(),
    makeAway: async () => {
      memory.isAway = true;
      return async () => {
        memory.isAway = false;
      };
    },
    end: async () => {},
  };
});
