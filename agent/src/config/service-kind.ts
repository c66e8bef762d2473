import type { Json, JsonObject } from './json.ts';

/** Kinds of service at well-known ports (IANA's registry of service names). */
const wellKnown: Readonly<Record<number, string>> = {
  22: 'ssh',
  80: 'http',
  443: 'https',
  3389: 'rdp',
  5900: 'vnc',
};

/** The kind of a service that names none: by the port that is dialled, else by the one that the reflector knows. */
export function kindByPort({ port, targetPort, target }: JsonObject): Json {
  const at = (json: Json | undefined) => (typeof json === 'number' ? wellKnown[json] : undefined);
  const dialled = typeof target === 'string' && target.startsWith('unix:') ? undefined : targetPort;
  return at(dialled) ?? at(port) ?? 'tcp';
}
