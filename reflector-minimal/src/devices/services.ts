/** What a device offers, read from its properties (`webtunnel.md` section 1). */
export interface Services {
  /** All ports it forwards, in its own order. */
  readonly ports: readonly number[];
  /** The port of its web interface, or `null`. */
  readonly httpPort: number | null;
  /** The ports of its first service of each kind, or `null`. */
  readonly sshPort: number | null;
  readonly vncPort: number | null;
  readonly rdpPort: number | null;
  /** Where its web interface starts; begins with `/`. */
  readonly httpPath: string;
}

function port(text: string | undefined): number | null {
  if (text === undefined || !/^ *\d{1,5} *$/.test(text)) return null;
  const number = Number(text);
  return number >= 1 && number <= 65535 ? number : null;
}

/** Properties do not change, a device gets new ones: so what was read of them is kept with them. */
const kept = new WeakMap<Properties, Services>();

type Properties = Readonly<Record<string, string>>;

/** What a device on line offers. */
export function servicesOf({ properties }: { readonly properties: Properties }): Services {
  let services = kept.get(properties);
  if (!services) {
    services = readServices(properties);
    kept.set(properties, services);
  }
  return services;
}

/** Properties come from the device: whatever cannot be read counts as absent. */
export function readServices(properties: Properties): Services {
  const ports = (properties.targetPorts ?? '')
    .split(',')
    .map(port)
    .filter((number) => number !== null);
  const httpPort = port(properties.httpPort) ?? (ports.includes(80) ? 80 : (ports[0] ?? null));
  const path = properties.httpPath ?? '/';
  // Nothing that could leave the device's own host name.
  const httpPath = /^\/(?![/\\])[\x21-\x7e]*$/.test(path) ? path : '/';
  const [sshPort, vncPort, rdpPort] = [properties.sshPort, properties.vncPort, properties.rdpPort].map(port);
  return {
    ports,
    httpPort,
    httpPath,
    sshPort: sshPort ?? null,
    vncPort: vncPort ?? null,
    rdpPort: rdpPort ?? null,
  };
}
