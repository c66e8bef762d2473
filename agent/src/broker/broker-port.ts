import type { Configuration } from '../config/configuration.ts';
import type { BackOffSettings } from '../dial/back-off.ts';
import { backOffSettings } from '../dial/back-off-settings.ts';
import type { CertificateTime } from '../dial/certificate-time.ts';
import { identified } from '../enrolment/identity.ts';
import type { Cancellable, Host } from '../host.ts';
import { BrokerAttempt, type BrokerAttemptEvents } from './broker-attempt.ts';
import { type BrokerSettings, brokerSettings, type MqttConfiguration } from './broker-settings.ts';

/** What the next attempt needs, and who the device is. */
export interface Prepared {
  readonly settings: BrokerSettings;
  readonly device: string;
  readonly domain: string;
}

/** How an MQTT client comes to its broker. It hides the machine behind it, so the client can be tested without one. */
export interface BrokerPort {
  /** Reads what the next attempt needs. `done` is called once, perhaps within the call. */
  prepare(done: (prepared: Prepared | { readonly error: string }) => void): Cancellable;
  connect(settings: BrokerSettings, events: BrokerAttemptEvents): Cancellable;
  backOff(): BackOffSettings;
}

export function brokerPort(
  host: Host,
  configuration: Configuration,
  mqtt: MqttConfiguration,
  time: CertificateTime,
): BrokerPort {
  return {
    prepare: (done) =>
      identified(host, configuration, (known) => {
        if ('error' in known) done(known);
        else {
          const { id, domain } = known.device;
          const settings = brokerSettings(host, known, mqtt, time);
          if ('error' in settings) done(settings);
          else done({ settings, device: typeof id === 'string' ? id : '', domain: domain ?? 'default' });
        }
      }),
    connect: (settings, events) => new BrokerAttempt(host, settings, events),
    backOff: () => backOffSettings(configuration.reconnect),
  };
}
