import { encodeServiceSettings, type Property } from 'rm-protocol';
import type { Configuration } from '../config/configuration.ts';

/** The property that names the port of each kind (`webtunnel.md` section 1). */
const portProperties = [
  ['http', 'httpPort'],
  ['https', 'httpPort'],
  ['ssh', 'sshPort'],
  ['vnc', 'vncPort'],
  ['rdp', 'rdpPort'],
  ['vpn', 'vpnPort'],
  ['app', 'appPort'],
] as const;

/** The properties that follow from the configuration alone; of several services of a kind the first is named. */
export function fixedProperties({ device, services, target }: Configuration): Property[] {
  const properties: Property[] = [
    { name: 'targetHost', value: target },
    { name: 'targetPorts', value: services.map(({ port }) => port).join(', ') },
  ];
  const add = (name: string, value: string | number | null | undefined) => {
    if (value === null || value === undefined || properties.some((property) => property.name === name))
      return;
    properties.push({ name, value: String(value) });
  };
  add('httpPath', services.find(({ kind }) => kind === 'http' || kind === 'https')?.path);
  for (const service of services) {
    for (const [kind, name] of portProperties) if (service.kind === kind) add(name, service.port);
  }
  for (const service of services) {
    const settings = encodeServiceSettings(service);
    if (settings) properties.push(settings);
  }
  add('name', device.name);
  add('version', device.version);
  add('tenant', device.tenant);
  return properties;
}
