import { CommandError, columns, ExitStatus, type ProgramCommand } from 'rm-reflector/program';
import { nodeOf, nodeStates } from '../nodes/postgresql-membership.ts';
import { addressOf } from './postgresql.ts';

/** `rm-server nodes [DEVICE]`: the nodes and how many devices each has, or the node of one device. */
export const nodesCommand: ProgramCommand = {
  usage: 'nodes [DEVICE]',
  help: `nodes lists the nodes that use the database: address, state, and how many devices are on line there. With DEVICE it tells which
of them has the tunnel of that device.`,
  names: [0, 1],
  run: async ([device], { sources }, { print }) => {
    const address = addressOf(sources);
    if (!address)
      throw new CommandError(ExitStatus.failed, 'nodes: the data are in a file: there are no nodes');
    if (device !== undefined) {
      const node = await nodeOf(device, address);
      if (!node) throw new CommandError(ExitStatus.failed, `nodes: device ${device}: is on line at no node`);
      print(`device ${device}: at node ${node.name}, from ${node.address}\n`);
      return ExitStatus.ok;
    }
    const rows = (await nodeStates(address)).map((node) => [
      node.name,
      node.state,
      String(node.devices),
      node.address,
    ]);
    print(columns([['NODE', 'STATE', 'DEVICES', 'ADDRESS'], ...rows]));
    return ExitStatus.ok;
  },
};
