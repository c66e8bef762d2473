import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { ServiceSettings } from '../../devices/service-settings.ts';
import type { Limits } from '../../limits.ts';

/** A request to the service of a device, and the status with which that answered. */
export interface AnsweredRequest {
  readonly device: string;
  readonly port: number;
  readonly status: number;
  /** `Origin` of the request, if it had one. */
  readonly origin: string | undefined;
  readonly settings: ServiceSettings;
}

type Setting = 'host' | 'forwarded' | 'headers';

/**
 * Tells the operator, once for each service, which setting may be missing when a service refuses requests that come through
 * a proxy. The user gets the response unchanged, because it may be intended.
 */
export class SettingHints {
  readonly #log: Logger;
  /** Services that have served somebody, or of which it was told; those heard of first are forgotten first. */
  readonly #known: LRUCache<string, 'served' | 'told'>;
  /** Services whose links it was told of. */
  readonly #links: LRUCache<string, true>;

  constructor(log: Logger, limits: Pick<Limits, 'servicesHinted'>) {
    this.#log = log;
    this.#known = new LRUCache({ max: limits.servicesHinted });
    this.#links = new LRUCache({ max: limits.servicesHinted });
  }

  /** The service redirects to an address of a private network, which may be one of its own. */
  ledTo({ device, port, authority }: { device: string; port: number; authority: string }): void {
    const service = `${device}:${port}`;
    if (this.#links.has(service)) return;
    this.#links.set(service, true);
    this.#log.info(
      { device, port },
      `the service redirects to ${authority}, which users cannot reach; if that is its own address, set services[].host to it`,
    );
  }

  answered(answer: AnsweredRequest): void {
    const { device, port, status } = answer;
    const service = `${device}:${port}`;
    const known = this.#known.peek(service);
    if (known === 'told') return;
    const settings = settingsFor(answer, known === 'served');
    if (settings.length > 0) {
      this.#known.set(service, 'told');
      const names = settings.map((name) => `services[].${name}`).join(' or ');
      this.#log.info(
        { device, port, status },
        `the service refuses what comes through a proxy; if it answers otherwise on the device, set ${names} (rm-agent check tells which)`,
      );
    } else if (known === undefined && status < 400) this.#known.set(service, 'served');
  }
}

/** What may help. A service that has served a page accepts our host and heads, so only an origin can be wrong. */
function settingsFor({ status, origin, settings }: AnsweredRequest, served: boolean): Setting[] {
  const host: Setting[] = settings.host === null ? ['host'] : [];
  if (status === 431) return settings.headers === 'all' ? ['headers'] : [];
  if (status === 421) return host;
  if (status !== 400 && status !== 403) return [];
  if (served) return status === 403 && origin !== undefined ? host : [];
  return settings.forwarded && settings.headers === 'all' ? [...host, 'forwarded'] : host;
}
