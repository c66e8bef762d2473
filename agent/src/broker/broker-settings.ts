import type { HttpUri } from 'rm-protocol';
import type { Configuration } from '../config/configuration.ts';
import { defaultLimits } from '../config/limits.ts';
import { readSecret } from '../config/secret.ts';
import type { CertificateTime } from '../dial/certificate-time.ts';
import { addressesOf } from '../dial/configured-addresses.ts';
import type { ConnectSettings } from '../dial/connect-settings.ts';
import { proxiesFor } from '../dial/proxies.ts';
import type { ProxyServer } from '../dial/proxy-server.ts';
import { tlsSettings } from '../dial/tls-settings.ts';
import type { Host } from '../host.ts';
import { type BrokerUri, parseBrokerUri } from './broker-uri.ts';

export type MqttConfiguration = NonNullable<Configuration['mqtt']>;

/** What one attempt to reach a broker needs; read anew for each, as for a reflector. */
export interface BrokerSettings extends ConnectSettings {
  /** Tried in order, at least one. */
  readonly brokers: readonly BrokerUri[];
  /** The proxies for a host, tried in order, at least one; `null`: none. */
  readonly proxiesFor: (uri: HttpUri) => readonly (ProxyServer | null)[];
  readonly user: string | null;
  readonly password: string | null;
}

export function brokerSettings(
  host: Host,
  configuration: Configuration,
  mqtt: MqttConfiguration,
  time: CertificateTime,
): BrokerSettings | { readonly error: string } {
  const { broker } = mqtt;
  const brokers = (typeof broker === 'string' ? [broker] : broker).flatMap(
    (text) => parseBrokerUri(text) ?? [],
  );
  const proxies = proxiesFor(host, configuration);
  if ('error' in proxies) return proxies;
  const password = readSecret(mqtt.password, host);
  if ('error' in password) return { error: `mqtt.password: ${password.error}` };
  const uris = brokers.map(({ uri }) => uri);
  const tls = tlsSettings(
    host,
    // The pins of the agent are those of the reflector.
    mqtt.tls ?? { ...configuration.tls, pins: [], pinMode: 'add' },
    uris.some(({ secure }) => secure),
    uris.flatMap(proxies).some((proxy) => proxy?.scheme === 'https'),
    time,
  );
  if ('error' in tls) return { error: `mqtt: ${tls.error}` };
  return {
    brokers,
    proxiesFor: proxies,
    addresses: addressesOf(configuration),
    user: mqtt.user,
    password: mqtt.user === null ? null : password.text,
    ...tls,
    stepTimeoutMs: configuration.timeouts.connect * 1000,
    limits: defaultLimits,
  };
}
