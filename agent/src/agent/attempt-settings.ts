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
import { addressesOf } from '../dial/configured-addresses.ts';
import { proxiesFor } from '../dial/proxies.ts';
import { tlsSettings } from '../dial/tls-settings.ts';
import { type Enrolled, enrolment } from '../enrolment/enrolment.ts';
import { identified } from '../enrolment/identity.ts';
import type { Cancellable, Host, HostFailure } from '../host.ts';
import type { AttemptSettings } from '../link/attempt-settings.ts';
import { fixedProperties } from './properties.ts';

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
  proof: Enrolled | null = null,
  visitorKey: string | null = null,
): AttemptSettings | { readonly error: string } {
  const { device, timeouts, upgrade } = configuration;
  const reflectors = reflectorsOf(configuration).flatMap((uri) => parseHttpUri(uri) ?? []);
  const proxies = proxiesFor(host, configuration);
  if ('error' in proxies) return proxies;
  const password = readSecret(device.password, host);
  if ('error' in password) return { error: `device.password: ${password.error}` };
  const tls = tlsSettings(
    host,
    proof?.certificate ? { ...configuration.tls, cert: proof.certificate, key: null } : configuration.tls,
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
    credentials: proof?.credentials ?? {
      user: deviceUser(typeof device.id === 'string' ? device.id : '', device.domain ?? ''),
      password: password.text,
    },
    enrolment: null,
    fields: [
      ['User-Agent', `rm-agent/${version} (${host.system.platform()})`],
      ...encodeTerms(offer(configuration, limits)),
      ...[...fixedProperties(configuration), ...custom].map(
        (property) => ['X-PTTH-Set-Property', encodePropertyHeader(property)] as const,
      ),
      ...(visitorKey === null ? [] : [['X-RM-Visitor-Key', visitorKey] as const]),
    ],
    ...tls,
    stepTimeoutMs: timeouts.connect * 1000,
    limits,
  };
}

/**
 * The settings of an attempt of a device whose ID may come from a program, and which may have to enrol first: then they hold
 * what must be sent for it. `enrolled` gets the user that the device is from now on, `waits` the code that a person at
 * the device must tell the operator, `proven` what an enrolled device proves itself by. `refused`: the server has not taken what the device has. `done` is called once,
 * perhaps within the call.
 */
export function prepareAttempt(
  host: Host,
  configuration: Configuration,
  limits: Limits,
  custom: readonly Property[],
  done: (settings: AttemptSettings | { readonly error: string }) => void,
  {
    time = new CertificateTime(host.clock),
    refused = false,
    enrolled = () => undefined,
    waits = () => undefined,
    proven = () => undefined,
    visitorKey = null,
  }: {
    readonly time?: CertificateTime;
    readonly refused?: boolean;
    readonly enrolled?: (user: string) => void;
    readonly waits?: (code: string | null) => void;
    readonly proven?: (proof: Enrolled) => void;
    /** By which the reflector is to say who asks for the web interface (`docs/reflector-devices.md`). */
    readonly visitorKey?: string | null;
  } = {},
): Cancellable {
  return identified(host, configuration, (known) => {
    if ('error' in known) done(known);
    else if (!known.device.enroll) done(attemptSettings(host, known, limits, custom, time, null, visitorKey));
    else done(enrolling(known));
  });

  function enrolling(known: Configuration): AttemptSettings | { readonly error: string } {
    const settingsOf = (proof: Enrolled | null) => {
      if (proof) proven(proof);
      return attemptSettings(host, known, limits, custom, time, proof, visitorKey);
    };
    try {
      const now = time.validityDate(known.tls.clock).judgedAt ?? host.clock.date();
      const found = enrolment(host, known, now, refused);
      if ('error' in found) return found;
      if (!('body' in found)) return settingsOf(found);
      const settings = settingsOf(null);
      const meanwhile = found.until && settingsOf(found.until);
      if ('error' in settings) return settings;
      return {
        ...settings,
        enrolment: {
          body: found.body,
          otherwise: meanwhile && !('error' in meanwhile) ? meanwhile : null,
          accept: (status, body) => {
            try {
              const reply = found.accept(status, body);
              if (!('refused' in reply)) {
                waits(null);
                enrolled(reply.credentials.user);
                return settingsOf(reply);
              }
              waits(reply.code);
              return { error: reply.refused };
            } catch (error) {
              return { error: `stateFile: ${(error as HostFailure).message}` };
            }
          },
        },
      };
    } catch (error) {
      return { error: `stateFile: ${known.stateFile}: ${(error as HostFailure).message}` };
    }
  }
}
