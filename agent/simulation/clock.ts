import { ManualClock } from '../../protocol/src/testing/manual-clock.ts';
import type { LocalClock } from '../src/host.ts';

/** The clock of the simulated machine. Nothing may depend on where its time starts. */
export class SimulatedClock extends ManualClock implements LocalClock {
  /** Minutes by which the local time is ahead of UTC. */
  offset = 0;

  constructor() {
    super(5000.25);
  }

  utcOffset(): number {
    return this.offset;
  }
}
