export const defaultConfigurationPath = '/etc/rm-agent.json';

/**
 * The configuration of a command line `[run] [--config FILE]`, with which an init system starts the agent; `null`: it is
 * another one, that `parseCommandLine` reads. Apart from it, because a running agent needs no more.
 */
export function configurationToRun(argv: readonly string[]): string | null {
  const [option, file = '', ...more] = argv[0] === 'run' ? argv.slice(1) : argv;
  if (option === undefined) return defaultConfigurationPath;
  return option === '--config' && file !== '' && more.length === 0 ? file : null;
}
