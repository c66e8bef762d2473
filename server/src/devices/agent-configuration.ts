/** What a device needs to come on line. */
export interface DeviceCredentialsOnce {
  /** As the agent spells it. */
  readonly id: string;
  readonly domain: string;
  /** `null`: it has none, or nobody knows it. */
  readonly password: string | null;
  readonly digest: boolean;
  /** What users can reach; the usual ports by default. */
  readonly services?: readonly { readonly port: number; readonly kind?: string }[];
}

const usual = [
  { port: 80, kind: 'http' },
  { port: 22, kind: 'ssh' },
];

/** `/etc/rm-agent.json` of a device. `url`: of the server, for agents. `certificate`: by which it proves itself. */
export function agentConfiguration(
  { id, domain, password, digest, services = usual }: DeviceCredentialsOnce,
  url: string,
  certificate = false,
) {
  return {
    reflector: url,
    device: {
      id,
      domain,
      ...(password === null ? {} : { password }),
      ...(digest ? { auth: 'digest' } : {}),
    },
    ...(certificate ? { tls: { cert: '/etc/rm-agent/device.pem', key: '/etc/rm-agent/device.key' } } : {}),
    services,
  };
}
