import { CommandError, ConfigurationError, ExitStatus, type ProgramCommand } from 'rm-reflector/program';
import { readOwnConfiguration } from '../configuration/configuration.ts';
import { nodeLimits } from '../nodes/limits.ts';
import { drainNode, livingNodes } from '../nodes/postgresql-membership.ts';
import { addressOf } from './postgresql.ts';

/** `rm-server drain [NODE]`: that node, or the one of the configuration, takes no more devices and sends away those that it has. */
export const drain: ProgramCommand = {
  usage: 'drain [NODE]',
  help: `drain makes a node take no more devices, and closes the tunnels of those that it has within a minute: they connect to other
nodes. Users are served meanwhile. Without NODE it is that of the configuration. The next start of the node takes devices again.`,
  names: [0, 1],
  run: async ([given], { sources }, { print }) => {
    const { file } = sources;
    const own = { store: file?.values.get('store'), node: file?.values.get('node') };
    const { node } = readOwnConfiguration(own, file?.path ?? null);
    const name = given ?? node?.name;
    if (name === undefined)
      throw new ConfigurationError('drain: name the node: the configuration has no key "node"');
    const address = addressOf(sources);
    if (!address)
      throw new CommandError(ExitStatus.failed, 'drain: the data are in a file: there are no nodes');
    if (!(await drainNode(name, address))) {
      const living = await livingNodes(address);
      const known = living.length === 0 ? 'there is none' : `there are ${living.join(', ')}`;
      throw new CommandError(ExitStatus.failed, `drain: no node ${name} runs; ${known}`);
    }
    print(
      `node ${name}: takes no more devices; those that it has are sent away within ${nodeLimits.drainMs / 1_000} seconds. Its next start takes devices again.\n`,
    );
    return ExitStatus.ok;
  },
};
