import { serviceAddress } from '../agent/forwarded-ports.ts';
import { portLabel } from '../agent/port-label.ts';
import type { Configuration, Service } from '../config/configuration.ts';
import { defaultLimits, gatewayLimits } from '../config/limits.ts';
import type { CertificateTime } from '../dial/certificate-time.ts';
import { type Dial, dialService } from '../dial/dial-service.ts';
import type { Host } from '../host.ts';
import { probeWeb, webStatus } from '../program/probe-web.ts';
import { probeDial, targetDials } from './target.ts';

/** One thing that was found out about a device, in a sentence. */
export interface Finding {
  readonly ok: boolean;
  readonly text: string;
}

/**
 * Tries the services of a device one after the other, as long as {@link gatewayLimits.testMs} allows: can it be reached, does it speak TLS,
 * does it answer HTTP? `done` is called once, never from within the call.
 */
export function diagnose(
  host: Host,
  configuration: Configuration,
  time: CertificateTime,
  report: (finding: Finding) => void,
  done: () => void,
): void {
  const dials = targetDials(host, configuration, time);
  const { services, target } = configuration;
  const until = host.clock.now() + gatewayLimits.testMs;
  const next = (index: number): void => {
    const service = services[index];
    const dial = dials.get(service?.port ?? 0);
    if (service && host.clock.now() >= until)
      report({
        ok: false,
        text: `${services.length - index} services were not tried: a test takes ${gatewayLimits.testMs / 1000} s at most.`,
      });
    else if (service && dial) {
      tryService(service, dial, index);
      return;
    }
    host.clock.schedule(0, done);
  };
  const tryService = (service: Service, dial: Dial, index: number): void => {
    const place = serviceAddress(service, target);
    const label = portLabel(service.port, service.name);
    const where = 'host' in place ? `${place.host} port ${place.port}` : place.path;
    const proceed = () => next(index + 1);
    const say = (ok: boolean, text: string) => report({ ok, text: `${label}: ${text}` });
    probeDial(host, dialService(host, place, null, defaultLimits.addresses), (failure) => {
      if (failure !== null) {
        say(false, `${where} cannot be reached: ${failure}.`);
        proceed();
        return;
      }
      say(true, `${where} can be reached.`);
      if (service.kind === 'https')
        probeDial(host, dial, (fault) => {
          if (fault === null) {
            say(true, 'TLS works, and the settings accept its certificate.');
            askWeb(host, dial, service, configuration, say, proceed);
          } else {
            say(false, `TLS does not work: ${fault}.`);
            proceed();
          }
        });
      else if (service.kind === 'http') askWeb(host, dial, service, configuration, say, proceed);
      else proceed();
    });
  };
  next(0);
}

function askWeb(
  host: Host,
  dial: Dial,
  service: Service,
  configuration: Configuration,
  say: (ok: boolean, text: string) => void,
  done: () => void,
): void {
  webStatus(host, dial, service, configuration, (status) => {
    if (status === null) {
      say(false, 'It does not answer HTTP.');
      done();
      return;
    }
    say(status < 500, `It answers HTTP with status ${status}.`);
    probeWeb(host, dial, service, configuration, (advice) => {
      if (advice !== null) say(false, `It ${advice}.`);
      done();
    });
  });
}
