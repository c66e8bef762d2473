import { parseArgs } from 'node:util';
import type { Authorization } from '../account/authorization.ts';
import { describeDevice } from '../account/reflector-api.ts';
import type { CommandContext } from '../command-line/command-context.ts';
import { authorizeAt, chooseReflector, reflectorOptions } from '../command-line/reflector-options.ts';
import { readDevice, readPort } from '../command-line/target.ts';
import type { Route } from '../connection/dial.ts';
import { ExitStatus, Failure, reasonOf } from '../failure.ts';
import type { DeviceStream } from '../tunnel/device-stream.ts';
import { NotForwarded, openDevice, type Target } from '../tunnel/open-device.ts';
import { relay } from '../tunnel/relay.ts';
import { isServiceKind, type ServiceKind, standardPorts } from './service-port.ts';

/** `rm-client connect`: connects standard input and output to the device, like `nc -N`. */
export async function connect(args: string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: { ...reflectorOptions, kind: { type: 'string' } },
    allowPositionals: true,
  });
  const [name = '', port, ...rest] = positionals.flatMap((text) => text.split(':'));
  if (port === undefined || rest.length > 0) {
    throw new Failure('usage: rm-client connect DEVICE:PORT', ExitStatus.usage);
  }
  const remotePort = readPort(port, 'port');
  const kind = readKind(values.kind);
  const chosen = chooseReflector(values, context);
  const target = { device: readDevice(name, chosen.route.reflector), port: remotePort };
  const remote = await open(chosen.route, await authorizeAt(chosen, context), target, kind);
  const source = context.input();
  const sink = context.output();
  // At a terminal nobody sees that the device has ended its direction, so that ends the connection.
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

function readKind(text: string | undefined): ServiceKind | null {
  if (text === undefined) return null;
  if (isServiceKind(text)) return text;
  const all = Object.keys(standardPorts).join(', ');
  throw new Failure(`--kind ${text}: must be one of ${all}`, ExitStatus.usage);
}

/** If the device does not forward the standard port of a service, asks the reflector for another port of that service. */
async function open(
  route: Route,
  authorization: Authorization,
  target: Target,
  kind: ServiceKind | null,
): Promise<DeviceStream> {
  try {
    return await openDevice(route, authorization, target);
  } catch (error) {
    if (!(error instanceof NotForwarded) || kind === null || target.port !== standardPorts[kind]) throw error;
    const described = await describeDevice(route, authorization, target.device);
    const port = described?.[`${kind}Port`] ?? null;
    if (port === null || port === target.port) throw error;
    return openDevice(route, authorization, { ...target, port });
  }
}
