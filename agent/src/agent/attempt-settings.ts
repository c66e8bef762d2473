import {
  deviceUser,
  encodePropertyHeader,
  encodeTerms,
  type Offer,
  type Property,
  parseHttpUri,
} from 'rm-protocol';
import type { Configuration } from '../config/configuration.ts';
import type { Limits } from '../config/limits.ts';
import { reflectorsOf } from '../config/parts.ts';
import { readSecret } from '../config/secret.ts';
import { version } from '../config/version.ts';
import { CertificateTime } from '../dial/certificate-time.ts';
import { literalAddress } from '../dial/literal-address.ts';
import { tlsSettings } from '../dial/tls-settings.ts';
import type { Address, Host } from '../host.ts';
import type { AttemptSettings } from '../link/attempt-settings.ts';
import type { BackOffSettings } from '../link/back-off.ts';
import { fixedProperties } from './properties.ts';
import { proxiesFor } from './proxies.ts';

/** What we offer a reflector. */
export function offer({ timeouts }: Configuration, limits: Limits): Offer {
  return {
    keepAlive: timeouts.keepAlive,
    extension: { maxFrame: limits.frameBytes, window: limits.windowBytes },
  };
}

/** Reads what may have changed since the last attempt: secrets and files are named in the configuration, not kept. */
export function attemptSettings(
  host: Host,
  configuration: Configuration,
  limits: Limits,
  custom: readonly Property[],
  time = new CertificateTime(host.clock),
): AttemptSettings | { readonly error: string } {
  const { device, timeouts, upgrade } = configuration;
  const reflectors = reflectorsOf(configuration).flatMap((uri) => parseHttpUri(uri) ?? []);
  const proxies = proxiesFor(host, configuration);
  if ('error' in proxies) return proxies;
  const password = readSecret(device.password, host);
  if ('error' in password) return { error: `device.password: ${password.error}` };
  const tls = tlsSettings(
    host,
    configuration.tls,
    reflectors.some(({ secure }) => secure),
    reflectors.flatMap(proxies).some((proxy) => proxy?.scheme === 'https'),
    time,
  );
  if ('error' in tls) return tls;
  return {
    reflectors,
    proxiesFor: proxies,
    addresses: addressesOf(configuration),
    method: upgrade.method,
    auth: device.auth,
    credentials: { user: deviceUser(device.id, device.domain), password: password.text },
    fields: [
      ['User-Agent', `rm-agent/${version} (${host.system.platform()})`],
      ...encodeTerms(offer(configuration, limits)),
      ...[...fixedProperties(configuration), ...custom].map(
        (property) => ['X-PTTH-Set-Property', encodePropertyHeader(property)] as const,
      ),
    ],
    ...tls,
    stepTimeoutMs: timeouts.connect * 1000,
    limits,
  };
}

function addressesOf({ addresses }: Configuration): Map<string, readonly Address[]> {
  return new Map(Object.entries(addresses).map(([name, list]) => [name, list.map(literalAddress)]));
}

/** `reconnect.refusedMax` where it is absent, in seconds, unless `reconnect.max` is more. */
const DEFAULT_REFUSED_MAX = 3600;

export function backOffSettings({ min, max, refusedMax }: Configuration['reconnect']): BackOffSettings {
  const refused = refusedMax ?? Math.max(max, DEFAULT_REFUSED_MAX);
  return { minMs: min * 1000, maxMs: max * 1000, refusedMaxMs: refused * 1000 };
}
