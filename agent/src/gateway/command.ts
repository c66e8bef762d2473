import { imageAt } from '../config/machine.ts';
import type { Host } from '../host.ts';
import type { Command } from '../program/command-line.ts';
import { type ControlCommand, controlLine } from '../program/control-line.ts';
import { ExitStatus } from '../program/exit-status.ts';
import { formatStatus } from '../program/format-status.ts';
import { recoverControl } from '../program/recover-control.ts';
import { sendCommand } from '../program/send-command.ts';
import { formatGateway } from './format-gateway.ts';
import type { GatewayStatus } from './gateway.ts';
import { checkGateway } from './gateway-check.ts';
import type { GatewayDeviceStatus } from './gateway-device.ts';
import { settingsFor } from './gateway-file.ts';
import { importFolder, type LoadGatewayImport } from './import-folder.ts';
import { isGatewayFile } from './is-gateway-file.ts';

type CheckCommand = Extract<Command, { readonly name: 'check' }>;

/**
 * Executes a command, other than `run`, if its configuration is a gateway's; false: it is not. `loadImport` loads what only an
 * import needs; `null` in a build without it.
 */
export function gatewayCommand(host: Host, command: Command, loadImport: LoadGatewayImport): boolean {
  if (command.name === 'import') return loadImport !== null && importFolder(host, command.file, loadImport);
  if (!('config' in command) || command.name === 'run' || command.name === 'enroll') return false;
  if (!isGatewayFile(host, placeOf(host, command))) {
    if (!('device' in command)) return false;
    host.system.print(2, `rm-agent: --device: ${command.config} is not the configuration of a gateway\n`);
    host.system.exit(ExitStatus.usage);
    return true;
  }
  if (command.name === 'check') check(host, command);
  else control(host, command);
  return true;
}

function check(host: Host, command: CheckCommand): void {
  const { config, root, offline, dial, device = null } = command;
  const image = root === null ? null : imageAt(host, root);
  const settings = settingsFor(host, config, image);
  if (settings) checkGateway(host, settings, { only: device, offline, dial, image });
}

/** Where the configuration is: in an image that is judged, somewhere else. */
function placeOf({ files }: Host, command: Command & { readonly config: string }): string {
  if (command.name !== 'check' || command.root === null) return command.config;
  try {
    return files.pathIn(command.root, command.config);
  } catch {
    // Whoever judges the image says so.
    return '';
  }
}

function control(host: Host, command: ControlCommand): void {
  const path = recoverControl(host, command.config);
  if (path === undefined || path === null) {
    host.system.print(
      2,
      `control: found ${path === null ? 'null' : 'nothing'}, so no gateway can be reached\n`,
    );
    host.system.exit(ExitStatus.unavailable);
    return;
  }
  const line = controlLine(command);
  const { device } = command;
  sendCommand(host, path, device === undefined ? line : `device ${device} ${line}`, (answer, error) => {
    if (error !== null) host.system.print(2, `${error}\n`);
    else if (command.name === 'status' && command.json)
      host.system.print(1, `${JSON.stringify(answer, null, 2)}\n`);
    else host.system.print(1, formatted(answer as GatewayStatus | GatewayDeviceStatus, host.clock.date()));
    host.system.exit(error === null ? ExitStatus.ok : ExitStatus.unavailable);
  });
}

function formatted(status: GatewayStatus | GatewayDeviceStatus, nowMs: number): string {
  if ('devices' in status) return formatGateway(status, nowMs);
  const { id, target, reachability } = status;
  const there = reachability === null ? 'not asked yet' : reachability.ok ? 'reachable' : reachability.reason;
  return `device:       ${id}\ntarget:       ${target}, ${there}\n${formatStatus(status, nowMs)}`;
}
