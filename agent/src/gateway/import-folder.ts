import type { gatewayImport } from '../config/import-gateway.ts';
import { gatewayLimits } from '../config/limits.ts';
import { problemsOf } from '../config/load.ts';
import { propertiesText } from '../config/properties-text.ts';
import type { Host } from '../host.ts';
import { messageOf } from '../log/log.ts';
import { ExitStatus } from '../program/exit-status.ts';

export type LoadGatewayImport = (() => typeof gatewayImport) | null;

/** The largest properties file that is read, in bytes. */
const MAX_BYTES = 262_144;

/** The original's own file of its gateway, in the folder of the devices unless it names another. */
const OWN_FILE = 'rmgateway.properties';

/**
 * `rm-agent import` of the original's gateway: a folder with a properties file a device, or the gateway's own file. Prints
 * the configuration; false: it is neither.
 */
export function importFolder(host: Host, path: string, load: NonNullable<LoadGatewayImport>): boolean {
  const { files, system, clock } = host;
  const found = kindOf(host, path);
  if (found !== 'directory' && !/\.properties$/.test(path)) return false;
  const { importGateway, isGatewayProperties, isDeviceProperties, gatewayFolder } = load();
  try {
    let folder = path.replace(/\/+$/, '') || '/';
    let common = '';
    if (found !== 'directory') {
      common = read(host, path);
      if (!isGatewayProperties(common)) return false;
      folder =
        gatewayFolder(common) ?? (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '.');
    } else if (kindOf(host, `${folder}/${OWN_FILE}`) === 'file') common = read(host, `${folder}/${OWN_FILE}`);
    const devices = files
      .list(folder)
      .filter((name) => name.endsWith('.properties'))
      .map((name) => ({ name, text: read(host, `${folder}/${name}`) }))
      .filter(({ text }) => isDeviceProperties(text));
    if (devices.length === 0) throw new Error('found no device, needed are files ID.properties');
    if (devices.length > gatewayLimits.devices)
      throw new Error(`found ${devices.length} devices, allowed are ${gatewayLimits.devices}`);
    const facts = {
      platform: system.platform(),
      directory: `${folder}/`,
      dateMs: clock.date(),
      environment: (name: string) => system.environment(name),
    };
    const { json, warnings } = importGateway(common, devices, facts, problemsOf);
    for (const line of warnings) system.print(2, `warning ${folder}: ${line}\n`);
    system.print(1, `${JSON.stringify(json, null, 2)}\n`);
    system.exit(ExitStatus.ok);
  } catch (error) {
    system.print(2, `${path}: ${messageOf(error)}\n`);
    system.exit(ExitStatus.configuration);
  }
  return true;
}

function kindOf({ files }: Host, path: string): string | undefined {
  try {
    return files.stat(path)?.kind;
  } catch {
    return undefined;
  }
}

function read({ files }: Host, path: string): string {
  return propertiesText(files.read(path, MAX_BYTES));
}
