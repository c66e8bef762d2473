import { serviceAddress } from '../agent/forwarded-ports.ts';
import type { Configuration, Service } from '../config/configuration.ts';
import { defaultLimits, gatewayLimits } from '../config/limits.ts';
import type { CertificateTime } from '../dial/certificate-time.ts';
import { type Dial, dialService, type ServiceAddress } from '../dial/dial-service.ts';
import { serviceTls } from '../dial/service-tls.ts';
import type { Cancellable, Host } from '../host.ts';

/** How each port of a device is reached from the gateway, by port. */
export function targetDials(
  host: Host,
  configuration: Configuration,
  time: CertificateTime,
): Map<number, Dial> {
  const dialOf = (service: Service): Dial => {
    const place = serviceAddress(service, configuration.target);
    const name = 'host' in place ? place.host : 'localhost';
    const tls =
      service.kind === 'https' ? serviceTls(host, service.tls, name, configuration.tls.clock, time) : null;
    return dialService(host, place, tls, defaultLimits.addresses);
  };
  return new Map(configuration.services.map((service) => [service.port, dialOf(service)]));
}

/** The machines of a device, each by the first of its services there. */
export function placesOf({ services, target }: Configuration): readonly ServiceAddress[] {
  const places = new Map<string, ServiceAddress>();
  for (const service of services) {
    const place = serviceAddress(service, target);
    const name = 'host' in place ? place.host : place.path;
    if (!places.has(name)) places.set(name, place);
  }
  return [...places.values()];
}

/** Connects to a place and hangs up; `done` gets why that failed, or `null`. Never from within the call. */
export function probePlace(
  host: Host,
  place: ServiceAddress,
  done: (failure: string | null) => void,
): Cancellable {
  return probeDial(host, dialService(host, place, null, defaultLimits.addresses), done);
}

/** As {@link probePlace}, in this way. */
export function probeDial(
  { clock }: Pick<Host, 'clock'>,
  dial: Dial,
  done: (failure: string | null) => void,
): Cancellable {
  const ignore = () => undefined;
  const deadline = clock.schedule(gatewayLimits.probeMs, () => {
    attempt.cancel();
    done(`no answer within ${gatewayLimits.probeMs / 1000} s`);
  });
  const attempt = dial({
    connected: (socket) => {
      deadline.cancel();
      socket.destroy();
      done(null);
    },
    data: ignore,
    taken: ignore,
    ended: ignore,
    closed: (error) => {
      deadline.cancel();
      done(error?.message ?? 'connection closed');
    },
  });
  return {
    cancel: () => {
      deadline.cancel();
      attempt.cancel();
    },
  };
}
