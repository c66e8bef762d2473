import type { Host } from '../host.ts';

/** The host, but the programs that it runs find these variables empty: they hold secrets of the agent. */
export function withoutVariables(host: Host, names: readonly string[]): Host {
  if (names.length === 0) return host;
  const empty = Object.fromEntries(names.map((name) => [name, '']));
  const { clock, crypto, network, files, processes, system } = host;
  return {
    clock,
    crypto,
    network,
    files,
    system,
    processes: {
      run: (command, options, done) =>
        processes.run(command, { ...options, environment: { ...empty, ...options.environment } }, done),
    },
  };
}
