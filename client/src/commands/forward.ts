import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type DeviceDetails, describeDevice } from '../account/reflector-api.ts';
import type { CommandContext } from '../command-line/command-context.ts';
import { authorizationsAt, chooseReflector, reflectorOptions } from '../command-line/reflector-options.ts';
import { readDevice } from '../command-line/target.ts';
import { ExitStatus, Failure, reasonOf } from '../failure.ts';
import { type Forward, forwardOptions, readForward, readForwards } from './forward-list.ts';
import { Listener } from './listener.ts';
import { runInShell, withPorts } from './shell-command.ts';

/** `rm-client forward`: runs until a signal, or until its command ends. */
export async function forward(args: string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: {
      ...reflectorOptions,
      ...forwardOptions,
      file: { type: 'string', short: 'f' },
      command: { type: 'string', short: 'C' },
    },
    allowPositionals: true,
  });
  const forwards = forwardsOf(values, positionals, context);
  const chosen = chooseReflector(values, context);
  const named = forwards.map((each) => ({
    ...each,
    device: readDevice(each.device, chosen.route.reflector),
  }));
  const authorize = await authorizationsAt(chosen, context);
  const authorization = await authorize();
  const described = new Map<string, DeviceDetails | null>();
  for (const { device } of named) {
    if (!described.has(device))
      described.set(device, await describeDevice(chosen.route, authorization, device));
  }
  const listeners: Listener[] = [];
  try {
    for (const { device, remotePort, localPort, address } of named) {
      const listener = await Listener.open({
        route: chosen.route,
        authorize,
        target: { device, port: remotePort },
        address,
        port: localPort,
        failed: (message) => context.printError(`rm-client: ${message}\n`),
      });
      listeners.push(listener);
    }
    const signal = context.untilSignal();
    const place = ({ address }: Forward) => (address.includes(':') ? `[${address}]` : address);
    const lines = named.map(
      (each, index) =>
        `${place(each)}:${listeners[index]?.port} leads to port ${each.remotePort} of ${each.device}\n`,
    );
    context.print(lines.join(''));
    for (const { address, device, remotePort } of named) {
      if (!/^(127\.|::1$)/.test(address)) {
        context.printError(
          `rm-client: WARNING: whoever reaches ${address} reaches port ${remotePort} of ${device}\n`,
        );
      }
      const details = described.get(device);
      const hindrance = details && hindranceOf(details, remotePort);
      if (hindrance) context.printError(`rm-client: ${hindrance}\n`);
    }
    if (values.command === undefined) {
      await signal;
      return ExitStatus.ok;
    }
    const command = withPorts(
      values.command,
      listeners.map(({ port }) => port),
    );
    return await runInShell(command, signal);
  } finally {
    for (const listener of listeners) listener.close();
  }
}

function forwardsOf(
  values: { readonly file?: string | undefined } & Parameters<typeof readForward>[1],
  positionals: readonly string[],
  context: CommandContext,
): readonly Forward[] {
  const { file } = values;
  if (file === undefined) return [readForward(positionals, values)];
  if (positionals.length > 0 || values['remote-port'] !== undefined) {
    throw new Failure('forward: with -f, the devices and ports stand in the file', ExitStatus.usage);
  }
  try {
    return readForwards(readFileSync(file, 'utf8').slice(0, context.limits.loginFileBytes), file);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${file}: ${reasonOf(error)}`, ExitStatus.usage);
  }
}

/** Why connections would fail now. Forwarding continues, because the device may come online or offer more ports. */
function hindranceOf({ id, online, ports }: DeviceDetails, port: number): string | null {
  if (!online) return `the device "${id}" is off line at the moment`;
  return ports.includes(port) ? null : `the device "${id}" does not forward port ${port} at the moment`;
}
