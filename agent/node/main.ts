#!/usr/bin/env node
import { importProperties } from '../src/config/import.ts';
import { gatewayImport } from '../src/config/import-gateway.ts';
import { gatewayCommand } from '../src/gateway/command.ts';
import { isGatewayFile } from '../src/gateway/is-gateway-file.ts';
import { runGateway } from '../src/gateway/run.ts';
import { executeCommand, type OptionalCommands } from '../src/program/commands.ts';
import { main } from '../src/program/main.ts';
import { requestsBy } from '../src/program/make-requests.ts';
import { makeRequests } from '../src/program/requests.ts';
import { nodeHost } from './node-host.ts';

const optional = {
  loadImport: () => importProperties,
  gatewayCommand: (...given) => gatewayCommand(...given, () => gatewayImport),
} satisfies OptionalCommands;

main(nodeHost, {
  command: (host, run) => executeCommand(host, optional, run),
  requests: requestsBy(() => makeRequests),
  gateway: { owns: isGatewayFile, run: (...given) => runGateway(...given, () => gatewayImport) },
});
