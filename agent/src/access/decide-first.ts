import { ChannelError } from 'rm-protocol';
import type { Cancellable, Clock } from '../host.ts';
import type { Admit } from '../tunnel/forwarded-port.ts';

/** Asks whoever decides first about a channel to a port; `decided` is called once, unless the question is cancelled. */
export type Question = (port: number, channel: number, decided: (allowed: boolean) => void) => Cancellable;

/**
 * Somebody outside decides first, within the time limit; where they let in, the rule of the configuration does. `who` is
 * named in refusals.
 */
export function decideFirst(
  clock: Clock,
  timeLimitMs: number,
  who: string,
  question: Question,
): (port: number, gate: Admit | undefined) => Admit {
  const refusal = (reason: string) => ({ fault: ChannelError.refused, reason });
  return (port, gate) => (channel, decided) => {
    let running: Cancellable;
    const timer = clock.schedule(timeLimitMs, () => {
      running.cancel();
      decided(refusal(`${who} has not answered`));
    });
    running = question(port, channel, (allowed) => {
      timer.cancel();
      if (!allowed) {
        decided(refusal(`${who} refuses`));
        return;
      }
      const next = gate?.(channel, decided) ?? null;
      if (next === null || 'fault' in next) decided(next);
      else running = next;
    });
    return {
      cancel: () => {
        timer.cancel();
        running.cancel();
      },
    };
  };
}
