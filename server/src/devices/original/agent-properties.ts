/** Ports of a device in the words of the original's agent. */
export interface OriginalPorts {
  readonly httpPort: number | null;
  readonly sshPort: number | null;
  readonly vncPort: number | null;
  readonly rdpPort: number | null;
  /** Further ones. */
  readonly ports: readonly number[];
}

/** `WebTunnelAgent.properties` of a device. `password`: `null` where nobody knows it. `url`: of the server, for agents. */
export function agentProperties(
  device: {
    readonly id: string;
    readonly domain: string;
    readonly name: string | null;
    readonly password: string | null;
  },
  { ports, ...kinds }: OriginalPorts,
  url: string,
): string {
  const named = Object.entries(kinds).filter(([, port]) => port !== null) as [string, number][];
  const all = new Set([...named.map(([, port]) => port), ...ports]);
  const lines: (readonly [string, string])[] = [
    ['webtunnel.domain', device.domain],
    ['webtunnel.deviceId', device.id],
    ...(device.name === null ? [] : [['webtunnel.deviceName', device.name] as const]),
    ['webtunnel.host', 'localhost'],
    ['webtunnel.ports', [...all].join(', ')],
    ...named.map(([kind, port]) => [`webtunnel.${kind}`, String(port)] as const),
    ['webtunnel.reflectorURI', url],
    ['webtunnel.username', `${device.id}@${device.domain}`],
  ];
  const head = `# WebTunnelAgent.properties of ${device.id}`;
  const password =
    device.password === null
      ? '# webtunnel.password: nobody knows it any more; POST in place of GET sets a new one'
      : `webtunnel.password = ${escaped(device.password)}`;
  return `${[head, ...lines.map(([key, text]) => `${key} = ${escaped(text)}`), password].join('\n')}\n`;
}

/** A backslash begins an escape. For `${`, which begins a variable, the original has no escape. */
function escaped(text: string): string {
  return text.replaceAll('${', '$ {').replaceAll('\\', '\\\\').replaceAll('\n', ' ');
}
