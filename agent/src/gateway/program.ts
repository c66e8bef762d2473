import { imageAt, type Machine } from '../config/machine.ts';
import type { Host } from '../host.ts';
import { type Command, ExitStatus } from '../program/command-line.ts';
import { sendCommand } from '../program/control.ts';
import { formatStatus } from '../program/format-status.ts';
import { type ControlCommand, controlLine, keepWatchdog } from '../program/main.ts';
import { recoverControl } from '../program/recover-control.ts';
import { formatGateway } from './format-gateway.ts';
import type { GatewayStatus } from './gateway.ts';
import { checkGateway } from './gateway-check.ts';
import { GatewayDaemon } from './gateway-daemon.ts';
import type { GatewayDeviceStatus } from './gateway-device.ts';
import { isGatewayFile, readGatewayFile } from './gateway-file.ts';
import { importFolder, type LoadGatewayImport } from './import-folder.ts';

/**
 * Executes a command if its configuration is a gateway's; false: it is not. `loadImport` loads what only an import needs;
 * `null` in a build without it.
 */
export function runGateway(host: Host, command: Command, loadImport: LoadGatewayImport): boolean {
  if (command.name === 'import') return loadImport !== null && importFolder(host, command.file, loadImport);
  if (!('config' in command) || command.name === 'enroll') return false;
  if (!isGatewayFile(host, placeOf(host, command))) {
    if (!('device' in command)) return false;
    host.system.print(2, `rm-agent: --device: ${command.config} is not the configuration of a gateway\n`);
    host.system.exit(ExitStatus.usage);
    return true;
  }
  switch (command.name) {
    case 'run':
      run(host, command.config, loadImport);
      break;
    case 'check': {
      const { offline, dial, root, device = null } = command;
      const image = root === null ? null : imageAt(host, root);
      const settings = read(host, command.config, image);
      if (settings) checkGateway(host, settings, { only: device, offline, dial, image });
      break;
    }
    default:
      control(host, command);
  }
  return true;
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

/** `null`: what is wrong was printed, and the program ends. */
function read(host: Host, path: string, image: Machine | null = null) {
  const settings = readGatewayFile(image ?? host, path, image !== null);
  if (!('errors' in settings)) return settings;
  for (const line of settings.errors) host.system.print(2, `${line}\n`);
  host.system.exit(ExitStatus.configuration);
  return null;
}

function run(host: Host, path: string, loadImport: LoadGatewayImport): void {
  const settings = read(host, path);
  if (!settings) return;
  const daemon = new GatewayDaemon(host, settings, loadImport);
  host.system.onSignal('SIGTERM', () => daemon.stop());
  host.system.onSignal('SIGINT', () => daemon.stop());
  host.system.onSignal('SIGHUP', () => daemon.reload());
  keepWatchdog(host);
  host.system.notify('READY=1');
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
