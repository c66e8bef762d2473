import { ClientTunnel } from '../system/client-tunnel.ts';
import { RemoteSystem } from '../system/remote-system.ts';
import { DuplexStream } from './duplex-stream.ts';
import type { Subject } from './subject.ts';

/** Agent and reference reflector as processes, and a client of `webtunnel.md` section 4 for each connection. */
export async function startSystem(
  name: string,
  command: readonly string[],
  ports: readonly number[],
  /** Where the reflector leaves a V8 profile. */
  profile?: string,
): Promise<Subject> {
  const system = await RemoteSystem.start({
    services: ports.map((port) => ({ port, kind: 'tcp' })),
    agent: command,
    ...(profile ? { node: ['--cpu-prof', `--cpu-prof-dir=${profile}`] } : {}),
  });
  return {
    name,
    devicePid: system.agent?.pid ?? 0,
    relayPids: [system.reflector.pid ?? 0],
    startMs: system.connectMs,
    open: async (port) => new DuplexStream(await ClientTunnel.open(system, { port, extension: true })),
    stop: () => system.stop(),
  };
}
