import { close, data } from './frames.ts';
import type { AcceptOptions } from './reflector.ts';
import { type Configuration, configuration, type Stage } from './stage.ts';
import type { Tunnel } from './tunnel.ts';

/** The rules of channels hold with and without the extension of `webtunnel.md` section 5. */
export const modes: [string, AcceptOptions][] = [
  ['without the extension', {}],
  ['with the extension', { extension: { maxFrame: 65_536, window: 262_144 } }],
];

/** What brings an agent on line whose services are these ports. */
export function connectWith(mode: AcceptOptions) {
  return async (stage: Stage, ports: readonly number[], more: Configuration = {}): Promise<Tunnel> => {
    const reflector = await stage.reflector();
    stage.agent(configuration(reflector, ports, more));
    return reflector.establishedTunnel(mode);
  };
}

/** The tunnel carries on: a fresh channel does its whole round. */
export async function expectAlive(tunnel: Tunnel, echoPort: number, channel = 0x7fff): Promise<void> {
  await tunnel.open(channel, echoPort);
  tunnel.send(data(channel, 'alive'));
  await tunnel.expectText(channel, 'alive');
  tunnel.send(close(channel));
  await tunnel.expect(close(channel));
}
