import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/** What is wrong, or will soon be, with the certificate that the reflector shows. */
export interface CertificateFinding {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
}

export interface ReflectorNames {
  readonly domain: string;
  readonly cookieHost: string | null;
}

const dayMs = 86_400_000;

/** Authorities renew a certificate of 90 days a month before its end: by then something has gone wrong. */
const soonDays = 14;

/**
 * Looks at the first certificate of a chain in PEM. `now`: wall-clock ms. Without anything wrong the only finding says
 * how long it is good.
 */
export function inspectCertificate(
  pem: string | Buffer,
  names: ReflectorNames,
  now: number,
): CertificateFinding[] {
  const certificate = new X509Certificate(pem);
  return [lifetime(certificate, now), ...missingNames(certificate, names)];
}

/** How long the first certificate of a chain in PEM is good. `of`: whose it is, in the words of the message. `now`: wall-clock ms. */
export function certificateLifetime(pem: string | Buffer, now: number, of = ''): CertificateFinding {
  return lifetime(new X509Certificate(pem), now, of);
}

function lifetime({ validFrom, validTo }: X509Certificate, now: number, of = ''): CertificateFinding {
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  const date = (time: number) => new Date(time).toISOString().slice(0, 10);
  if (now < from)
    return { level: 'error', message: `the certificate${of} is not valid before ${date(from)}` };
  if (now > to) return { level: 'error', message: `the certificate${of} has expired on ${date(to)}` };
  const days = Math.floor((to - now) / dayMs);
  const left = days === 1 ? '1 day' : `${days} days`;
  return {
    level: days < soonDays ? 'warn' : 'info',
    message: `the certificate${of} is good for ${left}, until ${date(to)}`,
  };
}

function missingNames(
  certificate: X509Certificate,
  { domain, cookieHost }: ReflectorNames,
): CertificateFinding[] {
  // Devices have names of one label under the domain: any of them stands for the wildcard.
  const demanded = [
    { name: domain, asked: domain, without: 'nobody reaches the reflector itself' },
    { name: `*.${domain}`, asked: `a-device.${domain}`, without: 'browsers refuse the hosts of devices' },
    ...(cookieHost === null
      ? []
      : [{ name: cookieHost, asked: cookieHost, without: 'browsers refuse the --cookie-host' }]),
  ];
  return demanded
    .filter(({ asked }) => !covers(certificate, asked))
    .map(({ name, without }) => ({
      level: 'warn',
      message: `the certificate does not name ${name}: ${without}`,
    }));
}

function covers(certificate: X509Certificate, host: string): boolean {
  if (isIP(host) !== 0) return certificate.checkIP(host) !== undefined;
  // The common name counts for no client any more (RFC 9525).
  return certificate.checkHost(host, { subject: 'never' }) !== undefined;
}
