import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalReflector } from 'local-reflector';

/** Writes the files of a fleet as WebTunnelAgent has them: one device that exists at the reflector, and one with an odd key. */
export async function writeOldFleet(folder: string, { uri, device }: LocalReflector): Promise<void> {
  await mkdir(folder, { recursive: true });
  const common = [
    'webtunnel.host = 127.0.0.1',
    `webtunnel.reflectorURI = ${uri}`,
    `webtunnel.domain = ${device.domain}`,
  ];
  const pump = [
    ...common,
    `webtunnel.deviceId = ${device.id}`,
    'webtunnel.username = ${webtunnel.deviceId}@${webtunnel.domain}',
    `webtunnel.password = ${device.password}`,
    'webtunnel.ports = 80, 22',
    'webtunnel.httpPort = 80',
    'webtunnel.sshPort = 22',
  ];
  const valve = [
    ...common,
    'webtunnel.deviceId = valve-9',
    'webtunnel.ports = 443',
    'webtunnel.colour = blue',
  ];
  await writeFile(join(folder, 'pump.properties'), `${pump.join('\n')}\n`);
  await writeFile(join(folder, 'valve.properties'), `${valve.join('\n')}\n`);
}
