import { parseArgs } from 'node:util';
import { type DeviceDetails, describeDevice } from '../account/reflector-api.ts';
import type { CommandContext } from '../command-line/command-context.ts';
import { authorizeAt, chooseReflector, reflectorOptions } from '../command-line/reflector-options.ts';
import { readDevice, readPort } from '../command-line/target.ts';
import { ExitStatus, Failure } from '../failure.ts';
import { Listener } from './listener.ts';

/** `rm-client forward`: runs until a signal. */
export async function forward(args: string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: {
      ...reflectorOptions,
      'remote-port': { type: 'string', short: 'R' },
      'local-port': { type: 'string', short: 'L', default: '0' },
    },
    allowPositionals: true,
  });
  const [name, ...rest] = positionals;
  if (name === undefined || rest.length > 0 || values['remote-port'] === undefined) {
    throw new Failure('usage: rm-client forward DEVICE -R PORT [-L PORT]', ExitStatus.usage);
  }
  const remotePort = readPort(values['remote-port'], '-R');
  const localPort = readPort(values['local-port'], '-L', 0);
  const chosen = chooseReflector(values, context);
  const device = readDevice(name, chosen.route.reflector);
  const authorization = await authorizeAt(chosen, context);
  const described = await describeDevice(chosen.route, authorization, device);
  const listener = await Listener.open({
    route: chosen.route,
    authorization,
    target: { device, port: remotePort },
    port: localPort,
    failed: (message) => context.printError(`rm-client: ${message}\n`),
  });
  const signal = context.untilSignal();
  context.print(`127.0.0.1:${listener.port} leads to port ${remotePort} of ${device}\n`);
  const hindrance = described && hindranceOf(described, remotePort);
  if (hindrance) context.printError(`rm-client: ${hindrance}\n`);
  await signal;
  listener.close();
  return ExitStatus.ok;
}

/** Why connections would fail now. Forwarding continues, because the device may come online or offer more ports. */
function hindranceOf({ id, online, ports }: DeviceDetails, port: number): string | null {
  if (!online) return `the device "${id}" is off line at the moment`;
  return ports.includes(port) ? null : `the device "${id}" does not forward port ${port} at the moment`;
}
