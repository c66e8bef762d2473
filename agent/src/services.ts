import type { Configuration } from './config/configuration.ts';
import type { Host } from './host/host.ts';
import type { Limits } from './limits.ts';
import { type Admit, type Dial, dialTcp, type Service } from './tunnel/service.ts';

/** Where in-process services take over from TCP ones, by port. */
export type Handlers = ReadonlyMap<number, Dial>;

/** What each port of the configuration leads to. */
export function servicesOf(
  host: Host,
  { services, target }: Configuration,
  { addresses }: Limits,
  handlers: Handlers,
  admitTo: (port: number) => Admit | undefined,
): Map<number, Service> {
  return new Map(
    services.map((service) => {
      const { port } = service;
      const tcp = () => dialTcp(host, service.target ?? target, port, service.kind === 'https', addresses);
      const admit = admitTo(port);
      return [port, { port, dial: handlers.get(port) ?? tcp(), ...(admit ? { admit } : {}) }];
    }),
  );
}
