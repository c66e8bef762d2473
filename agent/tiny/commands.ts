import { gatewayCommand } from '../src/gateway/command.ts';
import { executeCommand, type OptionalCommands } from '../src/program/commands.ts';
import { loadGatewayImport, loadImport } from './load-import.ts';
import { native } from './native.ts';

/** False when a build leaves the gateway out. */
declare const RM_GATEWAY: boolean | undefined;

const optional: OptionalCommands = {
  loadImport,
  ...(typeof RM_GATEWAY === 'undefined' || RM_GATEWAY
    ? { gatewayCommand: (...given) => gatewayCommand(...given, loadGatewayImport) }
    : {}),
};
native.scripts.commands = (host, run) => executeCommand(host, optional, run);
