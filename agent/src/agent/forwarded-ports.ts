import type { Configuration, Service } from '../config/configuration.ts';
import type { Limits } from '../config/limits.ts';
import { CertificateTime } from '../dial/certificate-time.ts';
import { type Dial, dialService, type ServiceAddress } from '../dial/dial-service.ts';
import { serviceTls } from '../dial/service-tls.ts';
import type { Host } from '../host.ts';
import type { Admit, ForwardedPort } from '../tunnel/forwarded-port.ts';

/** Where in-process services take over from others, by port. */
export type Handlers = ReadonlyMap<number, Dial>;

/** What each port of the configuration leads to. */
export function forwardedPorts(
  host: Host,
  configuration: Configuration,
  { addresses }: Limits,
  handlers: Handlers,
  admitTo: (port: number) => Admit | undefined,
  time = new CertificateTime(host.clock),
): Map<number, ForwardedPort> {
  const dialOf = (service: Service): Dial => {
    const place = serviceAddress(service, configuration.target);
    const name = 'host' in place ? place.host : 'localhost';
    const tls =
      service.kind === 'https' ? serviceTls(host, service.tls, name, configuration.tls.clock, time) : null;
    return dialService(host, place, tls, addresses);
  };
  return new Map(
    configuration.services.map((service) => {
      const { port } = service;
      const admit = admitTo(port);
      return [port, { port, dial: handlers.get(port) ?? dialOf(service), ...(admit ? { admit } : {}) }];
    }),
  );
}

/** Where a service is, `target` being the host of those that name none. */
export function serviceAddress({ port, target, targetPort }: Service, common: string): ServiceAddress {
  const at = target ?? common;
  return at.startsWith('unix:') ? { path: at.slice('unix:'.length) } : { host: at, port: targetPort ?? port };
}
