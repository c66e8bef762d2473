import { base64Encode, type Credentials, utf8Encode } from 'rm-protocol';
import { type Configuration, identity } from '../config/configuration.ts';
import { readSecret } from '../config/secret.ts';
import type { Host } from '../host.ts';
import { certificateRequest, newKey } from './certificate-request.ts';
import { changeState, readState, type State } from './state-file.ts';

/** What an enrolled device proves itself by. */
export interface Enrolled {
  readonly credentials: Credentials;
  /** PEM file with certificate and key; `null`: the password of `credentials` counts. */
  readonly certificate: string | null;
  /** When it is to be renewed, in milliseconds since 1970. */
  readonly renewAt: number;
}

/** What is to be sent to the server before the device can connect (`docs/server/enrolment.md`). */
export interface Exchange {
  /** JSON. */
  readonly body: string;
  /**
   * Takes the server's reply and keeps what it gives; `code` is what a person at the device must tell the operator. Throws
   * when it cannot be written.
   */
  accept(status: number, body: string): Enrolled | { readonly refused: string; readonly code: string | null };
  /** What counts while the server gives nothing new; `null`: nothing. */
  readonly until: Enrolled | null;
}

/** The key is named in the body, and so is everything else that the server judges by. */
interface Reply {
  readonly domain?: unknown;
  readonly certificate?: unknown;
  readonly renewAt?: unknown;
  readonly code?: unknown;
  readonly title?: unknown;
  readonly detail?: unknown;
}

const certificates = /^(?:-----BEGIN CERTIFICATE-----[\w+/=\s]+-----END CERTIFICATE-----\s*)+$/;

/**
 * What a device that enrols proves itself by, or what it must ask for first. It makes up its secret itself and keeps it before
 * anything is sent: whatever is cut off, the same question may be asked again, and costs no second use of the key. The
 * password is made of secret and hardware, so that a copy of the file on other hardware lets nobody in.
 *
 * `configuration` is identified; `refused`: the server does not take what we have. Throws when the state cannot be kept.
 */
export function enrolment(
  host: Host,
  configuration: Configuration,
  now: number,
  refused: boolean,
): Enrolled | Exchange | { readonly error: string } {
  const { device, stateFile } = configuration;
  const { id, domain, enroll } = device;
  const hardware = enroll?.hardware;
  // The schema demands a state file.
  if (!enroll || typeof hardware !== 'string' || typeof id !== 'string' || stateFile === null)
    return { error: 'device.enroll: not identified' };
  const key = enroll.key === null ? null : readSecret(enroll.key, host);
  if (key && 'error' in key) return { error: `device.enroll.key: ${key.error}` };
  const byCertificate = enroll.credential === 'certificate';
  let state: State = readState(host.files, stateFile);
  if (state.secret === null || (byCertificate && state.pem === '')) {
    const random = new Uint8Array(32);
    host.crypto.random(random);
    state = changeState(host.files, stateFile, {
      secret: state.secret ?? base64Encode(random),
      pem: state.pem || (byCertificate ? newKey(host.crypto) : ''),
    });
  }
  const { secret, pem } = state;
  const password = base64Encode(host.crypto.digest('sha-256', utf8Encode(`${secret}:${hardware}`)));
  const as = (user: string, renewAt: number): Enrolled => ({
    credentials: { user, password },
    certificate: byCertificate ? stateFile : null,
    renewAt,
  });
  const user = state.enrolled?.user ?? '';
  const ours =
    state.enrolled?.hardware === hardware &&
    (domain === null ? user.startsWith(`${id}@`) : user === `${id}@${domain}`) &&
    (!byCertificate || pem.includes('-----BEGIN CERTIFICATE'));
  const until = ours && !refused ? as(user, state.enrolled?.renewAt ?? 0) : null;
  if (until && !(byCertificate && now >= until.renewAt)) return until;
  const request = byCertificate ? certificateRequest(host.crypto, pem, id) : undefined;
  return {
    body: JSON.stringify({ id, domain, key: key?.text, secret, hardware, request }),
    until,
    accept: (status, body) => {
      const { domain, certificate, renewAt, code, title, detail } = parsed(body);
      const chain = byCertificate ? String(certificate) : '';
      if (status !== 200 || typeof domain !== 'string' || !identity.test(domain)) {
        const why =
          typeof code === 'string' ? `waits to be accepted; its code is ${code}` : 'is not enrolled';
        const said = [title, detail].filter((text) => typeof text === 'string').join(': ');
        return {
          refused: `this device ${why} (${status}${said && ` ${said}`})`,
          code: typeof code === 'string' ? code.slice(0, 32) : null,
        };
      }
      if (byCertificate && !certificates.test(chain))
        return { refused: 'no certificate in the reply', code: null };
      const enrolled = { user: `${id}@${domain}`, hardware, renewAt: Number(renewAt) || 0 };
      // The key stays what it was: one that is lost with the power would leave a certificate without one.
      const keyOnly = pem.replace(/\n?-----BEGIN CERTIFICATE[\w\W]*|$/, '\n');
      changeState(host.files, stateFile, { enrolled, pem: `${keyOnly}${chain}`.trim() });
      return as(enrolled.user, enrolled.renewAt);
    },
  };
}

function parsed(body: string): Reply {
  try {
    return Object(JSON.parse(body));
  } catch {
    return {};
  }
}
