import { ChannelError } from 'rm-protocol';
import type { Admit } from '../tunnel/forwarded-port.ts';

/** The channels that all devices of a gateway may have together. */
export class ChannelBudget {
  readonly #most: number;
  #used = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** What one device uses of it. */
  share(): ChannelShare {
    const open = new Set<number>();
    return {
      get used() {
        return open.size;
      },
      admit: (gate) => (channel, decided) => {
        if (this.#used >= this.#most)
          return {
            fault: ChannelError.socket,
            reason: `all ${this.#most} channels of the gateway are in use`,
          };
        const answer = gate?.(channel, decided) ?? null;
        if (answer && 'fault' in answer) return answer;
        if (!open.has(channel)) this.#used++;
        open.add(channel);
        return answer;
      },
      closed: (channel) => {
        if (open.delete(channel)) this.#used--;
      },
    };
  }
}

export interface ChannelShare {
  readonly used: number;
  /** A check of a port that asks for the budget before `gate`. */
  admit(gate: Admit | undefined): Admit;
  closed(channel: number): void;
}
