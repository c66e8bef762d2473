import { ascii } from '../../protocol/src/testing/bytes.ts';
import { importProperties } from '../src/config/import.ts';
import { gatewayImport } from '../src/config/import-gateway.ts';
import { gatewayCommand } from '../src/gateway/command.ts';
import { isGatewayFile } from '../src/gateway/is-gateway-file.ts';
import { runGateway } from '../src/gateway/run.ts';
import { executeCommand, type OptionalCommands } from '../src/program/commands.ts';
import { main } from '../src/program/main.ts';
import { requestsBy } from '../src/program/make-requests.ts';
import { makeRequests } from '../src/program/requests.ts';
import { AGENT_CONFIGURATION, AgentHost } from './agent-host.ts';

const optional = {
  loadImport: () => importProperties,
  gatewayCommand: (...given) => gatewayCommand(...given, () => gatewayImport),
} satisfies OptionalCommands;

/** Where its control socket is. */
export const control = '/run/rm-agent.sock';

/** Runs `rm-agent` with these arguments; a second run on the same machine is another process of it. */
export function rmAgent(
  host: AgentHost,
  ...args: string[]
): { out: string; err: string; status: number | null } {
  host.system.arguments = args;
  host.system.exitStatus = null;
  host.system.printed = ['', '', ''];
  main(host, {
    command: (machine, run) => executeCommand(machine, optional, run),
    requests: requestsBy(() => makeRequests),
    gateway: { owns: isGatewayFile, run: (...given) => runGateway(...given, () => gatewayImport) },
  });
  host.clock.advance(20_000);
  const [, out = '', err = ''] = host.system.printed;
  return { out, err, status: host.system.exitStatus };
}

/** A machine with a configuration. */
export function hostWith(given: object = {}): AgentHost {
  const host = new AgentHost();
  const log = { level: 'info', to: { file: '/var/log/rm' } };
  host.files.content.set(
    '/etc/rm-agent.json',
    ascii(JSON.stringify({ ...AGENT_CONFIGURATION, log, ...given })),
  );
  return host;
}

/** The lines of the log file, without their times. */
export function logOf(host: AgentHost): string[] {
  const text = String.fromCharCode(...(host.files.content.get('/var/log/rm') ?? []));
  return text.split('\n').map((line) => line.slice(25));
}
