import type { Files, Host, LocalClock, Processes, System } from '../src/host.ts';
import { native } from './native.ts';

/** False in a build that leaves the gateway out. */
declare const RM_GATEWAY: boolean | undefined;

/** The host on our C runtime. */
export function tinyHost(): Host {
  const files: Files = {
    read: native.files.read,
    writeAtomically: native.files.writeAtomically,
    append: native.files.append,
    rename: native.files.rename,
    remove: native.files.remove,
    list: (path) => (native.files.list(path) as string[]).sort(),
    stat: native.files.stat,
    pathIn: native.files.pathIn,
    ...(typeof RM_GATEWAY === 'undefined' || RM_GATEWAY ? { watch: native.files.watch } : {}),
  };
  const processes: Processes = {
    run(command, { timeoutMs, maxOutputBytes, maxErrorBytes = 0, environment = {} }, done) {
      const pairs = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
      return native.processes.run(command, timeoutMs, maxOutputBytes, pairs, done, maxErrorBytes);
    },
  };
  const clock: LocalClock = {
    now: native.clock.now,
    date: native.clock.date,
    // The engine asks the C library, which reads TZ and /etc/localtime.
    utcOffset: (dateMs) => -new Date(dateMs).getTimezoneOffset(),
    schedule: native.clock.schedule,
  };
  const { crypto, network } = native;
  const system: System = Object.assign(native.system, { limitMemory: native.memoryLimit });
  return { clock, crypto, network, files, processes, system };
}
