import type { Host } from '../host.ts';

/** Says twice in each period of a watchdog (sd_watchdog_enabled(3)) that the loop still turns. */
export function keepWatchdog(host: Host): void {
  const periodMs = Number(host.system.environment('WATCHDOG_USEC')) / 1000;
  if (!(periodMs > 0)) return;
  const feed = (): void => {
    host.system.notify('WATCHDOG=1');
    host.clock.schedule(periodMs / 2, feed);
  };
  feed();
}
