import { load } from '../config/load.ts';
import type { Cancellable, Host } from '../host.ts';
import { Daemon } from './daemon.ts';
import { ExitStatus } from './exit-status.ts';
import { exitWithErrors } from './exit-with-errors.ts';
import type { MakeRequests } from './requests.ts';
import { keepWatchdog } from './watchdog.ts';

/** After how many milliseconds a missing file is looked for again; the time doubles up to the maximum. */
const WAIT_MS = 1000;
const MAX_WAIT_MS = 60_000;

/**
 * Follows the configuration until a signal ends it. What the machine still lacks of it, such as a file with the ID of the
 * device that is written at the first boot, is waited for.
 */
export function run(host: Host, path: string, makeRequests: MakeRequests): void {
  let daemon: Daemon | null = null;
  let timer: Cancellable | null = null;
  let printed = '';
  let waitMs = WAIT_MS;
  const start = (): void => {
    timer?.cancel();
    timer = null;
    const loaded = load(host, path);
    if (!('errors' in loaded)) {
      daemon = new Daemon(host, path, loaded, makeRequests);
      host.system.notify('READY=1');
    } else if (loaded.transient) {
      host.system.notify('READY=1\nSTATUS=waiting for what the configuration names');
      const lines = loaded.errors.map((line) => `warning ${line}; waiting for it\n`).join('');
      if (lines !== printed) host.system.print(2, lines);
      printed = lines;
      timer = host.clock.schedule(waitMs, start);
      waitMs = Math.min(2 * waitMs, MAX_WAIT_MS);
    } else exitWithErrors(host, loaded);
  };
  const stop = (): void => {
    timer?.cancel();
    if (daemon) daemon.stop();
    else host.system.exit(ExitStatus.ok);
  };
  host.system.onSignal('SIGTERM', stop);
  host.system.onSignal('SIGINT', stop);
  host.system.onSignal('SIGHUP', () => (daemon ? daemon.reload() : start()));
  keepWatchdog(host);
  start();
}
