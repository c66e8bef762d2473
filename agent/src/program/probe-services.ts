import { forwardedPorts } from '../agent/forwarded-ports.ts';
import type { Configuration, Service } from '../config/configuration.ts';
import { defaultLimits } from '../config/limits.ts';
import type { Cancellable, Host, HostError, Socket } from '../host.ts';
import type { ForwardedPort } from '../tunnel/forwarded-port.ts';
import { probeWeb } from './probe-web.ts';

/** Services that are tried at once: little for any device, and 256 that do not answer take a few minutes at most. */
const AT_ONCE = 16;

/**
 * Connects to each service of the configuration, and asks those of the web for their page; `report` gets `null` or why that
 * failed, in the order of the configuration, then `done` is called.
 */
export function probeServices(
  host: Host,
  configuration: Configuration,
  report: (service: Service, failure: string | null) => void,
  done: () => void,
): void {
  const dials = forwardedPorts(host, configuration, defaultLimits, new Map(), () => undefined);
  const { services, timeouts } = configuration;
  const results: (string | null)[] = [];
  let next = 0;
  let reported = 0;
  const finish = (index: number, failure: string | null) => {
    results[index] = failure;
    for (
      let service = services[reported];
      service && results[reported] !== undefined;
      service = services[reported]
    )
      report(service, results[reported++] ?? null);
    if (reported === services.length) done();
    else start();
  };
  const start = () => {
    const index = next++;
    const service = services[index];
    const dial = dials.get(service?.port ?? 0);
    if (!service || !dial) return;
    probe(host, dial, timeouts.connect, (failure) => {
      const asked = failure === null && (service.kind === 'http' || service.kind === 'https');
      if (asked) probeWeb(host, dial.dial, service, configuration, (advice) => finish(index, advice));
      else finish(index, failure);
    });
  };
  for (let count = Math.min(AT_ONCE, services.length); count > 0; count--) start();
}

/** `done` is called once, never from within this call. */
function probe(
  { clock }: Host,
  { dial }: ForwardedPort,
  seconds: number,
  done: (failure: string | null) => void,
): void {
  let attempt: Cancellable | null = null;
  const deadline = clock.schedule(seconds * 1000, () => {
    attempt?.cancel();
    done(`no answer within ${seconds} s`);
  });
  const ignore = () => undefined;
  attempt = dial({
    connected: (socket: Socket) => {
      deadline.cancel();
      socket.destroy();
      done(null);
    },
    data: ignore,
    taken: ignore,
    ended: ignore,
    closed: (error: HostError | null) => {
      deadline.cancel();
      done(error?.message ?? 'connection closed');
    },
  });
}
