import type { Configuration, Service } from '../config/configuration.ts';
import type { Host } from '../host.ts';
import { findAuthorities } from './authorities.ts';
import type { CertificateTime } from './certificate-time.ts';
import type { ServiceTls } from './dial-service.ts';
import { pinDigests } from './tls-settings.ts';

/** False in a build that leaves the gateway out. */
declare const RM_GATEWAY: boolean | undefined;

/** What `services[].tls` means where it is absent: the certificate is the device's own, mostly self-signed, and not checked. */
const unchecked = {
  verify: false,
  name: null,
  ca: null,
  cert: null,
  key: null,
  pins: [],
  minVersion: '1.2',
} as const;

/** TLS towards a service of kind `https` at this host, by the dates of `tls.clock`. */
export function serviceTls(
  machine: Host,
  settings: Service['tls'],
  host: string,
  clock: Configuration['tls']['clock'],
  time: CertificateTime,
): ServiceTls {
  const { verify, name, ca, cert, key, pins, minVersion } = settings ?? unchecked;
  return {
    pins: pinDigests(pins),
    options: () => {
      if ((typeof RM_GATEWAY === 'undefined' || RM_GATEWAY) && minVersion < '1.2' && !machine.network.oldTls)
        return {
          error: `TLS ${minVersion} is not in the TLS library of this executable, which has 1.2 and 1.3; the Node agent has it`,
        };
      const authorities = verify ? findAuthorities(machine, ca) : { path: null };
      if ('error' in authorities) return authorities;
      return {
        serverName: name ?? host,
        ca: authorities.path,
        certificate: cert,
        key,
        ...time.validityDate(clock),
        minVersion,
        verify,
      };
    },
  };
}
