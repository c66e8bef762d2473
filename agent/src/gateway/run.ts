import type { Host } from '../host.ts';
import { keepWatchdog } from '../program/watchdog.ts';
import { GatewayDaemon } from './gateway-daemon.ts';
import { settingsFor } from './gateway-file.ts';
import type { LoadGatewayImport } from './import-folder.ts';

/**
 * `rm-agent run` with the configuration of a gateway, until a signal ends it. `loadImport` loads what only an import needs;
 * `null` in a build without it.
 */
export function runGateway(host: Host, path: string, loadImport: LoadGatewayImport): void {
  const settings = settingsFor(host, path);
  if (!settings) return;
  const daemon = new GatewayDaemon(host, settings, loadImport);
  host.system.onSignal('SIGTERM', () => daemon.stop());
  host.system.onSignal('SIGINT', () => daemon.stop());
  host.system.onSignal('SIGHUP', () => daemon.reload());
  keepWatchdog(host);
  host.system.notify('READY=1');
}
