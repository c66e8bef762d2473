import { parseArgs } from 'node:util';
import { authorizeAt, chooseReflector, reflectorOptions } from '../command-line/reflector-options.ts';
import { readDevice, readPort } from '../command-line/target.ts';
import type { World } from '../command-line/world.ts';
import { ExitStatus, Failure, reasonOf } from '../failure.ts';
import { openDevice } from '../tunnel/open-device.ts';
import { relay } from '../tunnel/relay.ts';

/** `rm-client connect`: standard input and output are the connection, as with `nc -N`. */
export async function connect(args: string[], world: World): Promise<number> {
  const { values, positionals } = parseArgs({ args, options: reflectorOptions, allowPositionals: true });
  const [name = '', port, ...rest] = positionals.flatMap((text) => text.split(':'));
  if (port === undefined || rest.length > 0) {
    throw new Failure('usage: rm-client connect DEVICE:PORT', ExitStatus.usage);
  }
  const remotePort = readPort(port, 'port');
  const chosen = chooseReflector(values, world);
  const target = { device: readDevice(name, chosen.route.reflector), port: remotePort };
  const remote = await openDevice(chosen.route, await authorizeAt(chosen, world), target);
  const source = world.input();
  const sink = world.output();
  // A person at a terminal cannot see that the device has ended: there the end of one direction is the end.
  if ((source as { isTTY?: boolean }).isTTY) remote.once('end', () => remote.destroy());
  const breakLocal = () => {
    source.destroy();
  };
  try {
    await relay({ source, sink, break: breakLocal }, remote);
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(`standard input or output: ${reasonOf(error)}`);
  } finally {
    source.destroy();
  }
  return ExitStatus.ok;
}
