import type { Configuration } from './config/configuration.ts';
import { readSecret } from './config/secret.ts';
import type { Host } from './host/host.ts';
import type { Limits } from './limits.ts';
import type { DialSettings, ProxySettings } from './link/settings.ts';
import { fixedProperties } from './properties.ts';
import {
  deviceUser,
  EXTENSION_HEADER,
  type Extension,
  encodeExtension,
  encodePropertyHeader,
  type Property,
  parseHttpUri,
} from './protocol/index.ts';
import { tlsSettings } from './tls/settings.ts';
import { version } from './version.ts';

/** What we offer a reflector that knows the extension. */
export function offer(limits: Limits): Extension {
  return { maxFrame: limits.frameBytes, window: limits.windowBytes };
}

/** Reads what may have changed since the last attempt: secrets and files are named in the configuration, not kept. */
export function dialSettings(
  host: Host,
  configuration: Configuration,
  limits: Limits,
  custom: readonly Property[],
): DialSettings | { readonly error: string } {
  const { device, timeouts, upgrade } = configuration;
  const reflector = parseHttpUri(configuration.reflector);
  if (!reflector) return { error: `reflector: ${configuration.reflector} is no http: or https: URI` };
  const password = readSecret(device.password, host);
  if ('error' in password) return { error: `device.password: ${password.error}` };
  const proxy = proxyOf(configuration.proxy);
  const tls = tlsSettings(host, configuration.tls, reflector.secure, proxy?.uri.secure ?? false);
  if ('error' in tls) return tls;
  return {
    reflector,
    method: upgrade.method,
    auth: device.auth,
    credentials: { user: deviceUser(device.id, device.domain), password: password.text },
    fields: [
      ['User-Agent', `rm-agent/${version} (${host.system.platform()})`],
      ['X-WebTunnel-KeepAlive', String(timeouts.keepAlive)],
      [EXTENSION_HEADER, encodeExtension(offer(limits))],
      ...[...fixedProperties(configuration), ...custom].map(
        (property) => ['X-PTTH-Set-Property', encodePropertyHeader(property)] as const,
      ),
    ],
    ...tls,
    proxy,
    stepTimeoutMs: timeouts.connect * 1000,
    limits,
  };
}

function proxyOf(proxy: string | null): ProxySettings | null {
  const match = /^(https?:\/\/)(?:([^@/]*)@)?(.*)$/.exec(proxy ?? '');
  const uri = match && parseHttpUri(`${match[1]}${match[3]}`);
  if (!match || !uri) return null;
  if (match[2] === undefined) return { uri, credentials: null };
  const [user = '', ...password] = match[2].split(':').map(decodePercent);
  return { uri, credentials: { user, password: password.join(':') } };
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
