import { configurationSchema, hostName, ipAddress } from '../config/configuration.ts';
import { integer, list, object, optional, text, type Value, withDefault } from '../config/schema.ts';

/** Keys of the agent's configuration that are the process's, so that a device cannot have its own. */
export const processKeys = ['limits', 'control', 'stateFile', 'log'] as const;

/** What only an agent of one device has. */
export const agentKeys = ['mqtt'] as const;

/** Those that are a device's, so that the gateway's file cannot have them for all. */
export const deviceKeys = ['device', 'target', 'services'] as const;

/**
 * The gateway's file: what its devices share, as in the agent's own configuration, and `gateway`. Its `devices` are not in
 * it: each is judged as a configuration of its own. Made when it is asked for, because most agents are no gateway.
 */
export function gatewaySchema() {
  const {
    device,
    target: _target,
    services: _services,
    reflector,
    stateFile,
    ...others
  } = configurationSchema.keys;
  const { mqtt: _mqtt, ...shared }: typeof others & { readonly mqtt?: unknown } = others;
  return object({
    ...shared,
    stateFile,
    reflector: optional(reflector),
    gateway: object({
      folder: optional(stateFile),
      probe: withDefault(integer(0, 86_400, 'seconds'), 300),
      page: optional(
        object(
          {
            device: optional(device),
            users: withDefault(list(text(), 0, 64), []),
            listen: optional(
              object({
                address: ipAddress,
                port: integer(1, 65_535),
                names: withDefault(list(text('a host name', hostName, 255), 0, 16), []),
              }),
            ),
          },
          ({ device, users, listen }, report) => {
            if (device === null && listen === null)
              report('device', 'missing, needed is "device", "listen" or both');
            if (device === null && users.length > 0)
              report('users', 'found without "device", needed is it: these users come through the reflector');
          },
        ),
      ),
    }),
  });
}

export type GatewayFile = Value<ReturnType<typeof gatewaySchema>>;
