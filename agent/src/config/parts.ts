import type { Configuration, ProxyEntry, Secret } from './configuration.ts';

/** The reflectors of a configuration, in the order in which they are tried. */
export function reflectorsOf({ reflector }: Pick<Configuration, 'reflector'>): readonly string[] {
  return typeof reflector === 'string' ? [reflector] : reflector;
}

/** Each proxy of a configuration with its place in it, in the order in which they are tried. */
export function proxiesOf({
  proxy,
}: Pick<Configuration, 'proxy'>): readonly (readonly [path: string, entry: ProxyEntry])[] {
  if (proxy === null) return [];
  const isList = (given: typeof proxy): given is readonly ProxyEntry[] => Array.isArray(given);
  return isList(proxy) ? proxy.map((entry, index) => [`proxy[${index}]`, entry]) : [['proxy', proxy]];
}

/** Each secret of a configuration that is not part of another text, with its place. */
export function secretsOf(
  configuration: Configuration,
): readonly (readonly [path: string, secret: Secret])[] {
  return [
    ['device.password', configuration.device.password],
    ['device.enroll.key', configuration.device.enroll?.key ?? ''],
    ['mqtt.password', configuration.mqtt?.password ?? ''],
    ...proxiesOf(configuration).flatMap(([path, entry]) =>
      typeof entry === 'string' ? [] : [[`${path}.password`, entry.password] as const],
    ),
  ];
}
