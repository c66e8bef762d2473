/** What a device needs to come on line. */
export interface DeviceCredentialsOnce {
  /** As the agent spells it. */
  readonly id: string;
  readonly domain: string;
  /** `null`: it proves itself by a certificate. */
  readonly password: string | null;
  readonly digest: boolean;
}

/** `/etc/rm-agent.json` of a device. `url`: of the server, for agents. */
export function agentConfiguration({ id, domain, password, digest }: DeviceCredentialsOnce, url: string) {
  return {
    reflector: url,
    device: {
      id,
      domain,
      ...(password === null ? {} : { password }),
      ...(digest ? { auth: 'digest' } : {}),
    },
    ...(password === null
      ? { tls: { cert: '/etc/rm-agent/device.pem', key: '/etc/rm-agent/device.key' } }
      : {}),
    services: [
      { port: 80, kind: 'http' },
      { port: 22, kind: 'ssh' },
    ],
  };
}
