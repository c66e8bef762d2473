import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import { defaultLimits } from 'rm-reflector';
import { CommandError, ExitStatus } from 'rm-reflector/program';
import { RelayDialer, RelayListener, type RelayTls } from 'rm-reflector/relay';
import type { Relay } from './node.ts';

interface RelayOptions {
  readonly listen: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly tls: RelayTls | null;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of payload bytes of devices at other nodes, in either direction. */
  readonly carried?: ((bytes: number) => void) | undefined;
}

const faults: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken by another program',
  EADDRNOTAVAIL: 'is no address of this machine',
  EACCES: 'may not be opened by this user',
};

/** The relay of the reflector, with the settings of the node. */
export function relayOf(
  node: { readonly name: string; readonly epoch: number },
  { listen: address, tls, clock, log, carried }: RelayOptions,
): Relay {
  const common = { node, tls, clock, log, limits: defaultLimits };
  return {
    dialer: new RelayDialer({ ...common, carried }),
    listen: async (tunnels) => {
      try {
        return await RelayListener.listen({ ...common, address, tunnels });
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        const place = `node.listen: ${'path' in address ? address.path : `${address.host}:${address.port}`}`;
        // As for the port of the server: the address may come up later.
        throw new CommandError(ExitStatus.unavailable, `${place}: ${faults[code ?? ''] ?? String(error)}`);
      }
    },
  };
}
