import type { Invalid } from '../config/load.ts';
import type { Host } from '../host.ts';
import { ExitStatus } from './exit-status.ts';

/** Prints why there is no configuration, and ends the program. */
export function exitWithErrors(host: Host, { errors, transient }: Invalid): void {
  for (const line of errors) host.system.print(2, `${line}\n`);
  host.system.exit(transient ? ExitStatus.unavailable : ExitStatus.configuration);
}
