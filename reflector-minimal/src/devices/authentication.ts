import { timingSafeEqual } from 'node:crypto';
import {
  type Clock,
  type DigestAuthorization,
  decodeBasic,
  decodeDigest,
  expectedDigest,
  ProtocolError,
  splitDeviceUser,
} from 'rm-protocol';
import { asciiLowerCase } from '../ascii-case.ts';
import { reservedLabels } from '../http/host-names.ts';
import type { Limits } from '../limits.ts';
import { networksOf } from '../network/addresses.ts';
import { type PasswordVerifier, VerifierBusy } from '../passwords/verifier.ts';
import type { DeviceCredentials, Store } from '../ports/store.ts';
import {
  type ClientCertificate,
  certificateFault,
  isOf,
  type ProvenCertificate,
} from './client-certificate.ts';
import type { DeviceAdmission, SlowPlace } from './device-admission.ts';
import { normalizeDeviceId } from './device-id.ts';
import { deviceRealm, digestFunction } from './digest-secrets.ts';
import { domainRule, isDomain } from './domain.ts';
import { Fingerprints } from './fingerprints.ts';
import { type DigestNonces, Nonces } from './nonces.ts';

export interface DeviceRefusal {
  readonly status: 401 | 403 | 503;
  /** For the agent's log (`X-PTTH-Error`); does not tell which devices exist. */
  readonly error: string;
  /** For the operator. */
  readonly reason: string;
  /** Values of `WWW-Authenticate`. */
  readonly challenges: readonly string[];
  /** Too many devices come at once: seconds after which this one is to come back. */
  readonly askedSeconds?: number;
}

export interface ProvenDevice {
  /** As it was when it was let in. */
  readonly device: DeviceCredentials;
  /** The one that let it in; `null` where a password did. */
  readonly certificate: ProvenCertificate | null;
}

export type DeviceVerdict =
  | ProvenDevice
  /** `known`: the record of the claimed device. */
  | { readonly refusal: DeviceRefusal; readonly known: DeviceCredentials | null };

const wrongPassword = 'unknown device or wrong password';
const basicChallenge = `Basic realm="${deviceRealm}", charset="UTF-8"`;

function refuse(
  status: DeviceRefusal['status'],
  error: string,
  {
    reason = error,
    challenges = [],
    known = null,
  }: {
    readonly reason?: string;
    readonly challenges?: readonly string[];
    readonly known?: DeviceCredentials | null;
  } = {},
): DeviceVerdict {
  return { refusal: { status, error, reason, challenges }, known };
}

function askedToWait(askedSeconds: number): DeviceVerdict {
  const error = 'too many devices at once';
  return { refusal: { status: 503, error, reason: error, challenges: [], askedSeconds }, known: null };
}

function equalText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The user that `Authorization` names, in any scheme; empty when it cannot be read. */
function userOf(authorization: string): string {
  try {
    return (decodeDigest(authorization) ?? decodeBasic(authorization))?.user ?? '';
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return '';
  }
}

/** Why there is no such device, for the operator. */
function reasonOf(domain: string | undefined, known: DeviceCredentials | null): string {
  if (domain === undefined) return 'no ID@DOMAIN as the user';
  return known ? 'wrong domain' : 'unknown device';
}

function unclaimed(known: DeviceCredentials | null): DeviceVerdict {
  return refuse(403, 'this device waits for being claimed by the operator of the reflector', { known });
}

/** The widest network that an address is counted for. */
function widestOf(address: string): string | undefined {
  return networksOf(address).at(-1);
}

/** What a device proves itself by. */
export interface Proof {
  readonly authorization: string | undefined;
  readonly certificate: ClientCertificate | null;
}

/** Which device this claims to be, for the audit log: its id in the spelling of the store. */
export function claimedBy({ authorization, certificate }: Proof): string | undefined {
  const named = certificate && 'names' in certificate ? certificate.names[0] : undefined;
  const claimed = authorization === undefined ? named : userOf(authorization);
  if (!claimed) return undefined;
  return normalizeDeviceId(splitDeviceUser(claimed)?.deviceId ?? claimed) ?? claimed;
}

export interface DeviceAuthenticationOptions {
  readonly store: Pick<Store, 'devices'>;
  /** Of the fingerprints of passwords. */
  readonly fingerprintKey: Buffer;
  readonly verifier: PasswordVerifier;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly admission: DeviceAdmission;
  /** Those of this process alone by default. */
  readonly nonces?: DigestNonces | null;
  /** Add unknown devices to the list of unclaimed ones. */
  readonly acceptUnclaimed: boolean;
}

/**
 * Decides which device this is: by its client certificate, else by the `Authorization` of its upgrade (`webtunnel.md`
 * section 1).
 */
export class DeviceAuthentication {
  readonly #options: DeviceAuthenticationOptions;
  readonly #nonces: DigestNonces;
  readonly #fingerprints: Fingerprints;

  constructor(options: DeviceAuthenticationOptions) {
    this.#options = options;
    this.#nonces = options.nonces ?? new Nonces(options.limits);
    this.#fingerprints = new Fingerprints(options.store.devices, options.fingerprintKey);
  }

  /**
   * Each device that is let in needs admission, and so does every attempt that costs scrypt. Each wrong password does,
   * whether or not the device exists, so that the time tells nothing. The first request of an agent that uses Digest needs
   * none, and neither does a wrong answer to it.
   */
  async authenticate(
    request: Proof & { readonly method: string; readonly target: string; readonly address: string },
  ): Promise<DeviceVerdict> {
    const { certificate } = request;
    if (!certificate) return this.#byPassword(request);
    const found = await this.#byCertificate(certificate, request.authorization);
    if ('device' in found)
      return this.#arrive(found.device, request.address) ?? this.#settle(found.device, found.certificate);
    const verdict = await this.#byPassword(request);
    if (!('refusal' in verdict)) return verdict;
    const { refusal } = verdict;
    const more = `; the client certificate ${found.fault}`;
    return {
      refusal: { ...refusal, error: refusal.error + more, reason: refusal.reason + more },
      known: verdict.known ?? found.known,
    };
  }

  /** The device that a certificate proves: the one that `Authorization` names, or else the first that exists. */
  async #byCertificate(
    certificate: ClientCertificate,
    authorization: string | undefined,
  ): Promise<
    | { readonly device: DeviceCredentials; readonly certificate: ProvenCertificate }
    | { readonly fault: string; readonly known: DeviceCredentials | null }
  > {
    if ('fault' in certificate) return { fault: `is not accepted (${certificate.fault})`, known: null };
    let found = { fault: 'is of no such device', known: null as DeviceCredentials | null };
    const users = authorization === undefined ? certificate.names : [userOf(authorization)];
    for (const user of users) {
      const name = splitDeviceUser(user) ?? { deviceId: user, domain: null };
      const id = normalizeDeviceId(name.deviceId);
      const device = id === null ? null : await this.#options.store.devices.credentials(id);
      if (!device || !isOf(certificate, device)) continue;
      if (name.domain !== null && asciiLowerCase(name.domain) !== asciiLowerCase(device.domain)) continue;
      if (!device.claimed) return { device, certificate };
      const fault = certificateFault(certificate, device, this.#options.clock.date());
      if (fault === null) return { device, certificate };
      if (!found.known) found = { fault, known: device };
    }
    return found;
  }

  async #byPassword(request: {
    readonly method: string;
    readonly target: string;
    readonly authorization: string | undefined;
    readonly address: string;
  }): Promise<DeviceVerdict> {
    const { authorization, address } = request;
    if (authorization === undefined)
      return refuse(401, 'no credentials', { challenges: this.#challenges(false) });
    try {
      const digest = decodeDigest(authorization);
      if (digest) return await this.#checkDigest(digest, request);
      const basic = decodeBasic(authorization);
      if (basic) return await this.#checkBasic(basic.user, basic.password, address);
    } catch (error) {
      if (error instanceof VerifierBusy) return refuse(503, 'too many log-ins, try again');
      if (!(error instanceof ProtocolError)) throw error;
    }
    return refuse(401, 'credentials that cannot be read', { challenges: this.#challenges(false) });
  }

  async #checkBasic(user: string, password: string, address: string): Promise<DeviceVerdict> {
    const { store, clock, admission } = this.#options;
    const name = splitDeviceUser(user);
    const id = name && normalizeDeviceId(name.deviceId);
    const known = id ? await store.devices.credentials(id) : null;
    const device = known?.domain === name?.domain ? known : null;
    // Always an HMAC first, whether or not the device exists. What it does not admit costs scrypt.
    const seen = this.#fingerprints.check(device, password);
    if (device && seen) return this.#arrive(device, address) ?? this.#settle(device);
    const here = device?.claimed && networksOf(device.address)[0] === networksOf(address)[0];
    const place = admission.admitSlow({ address, device: here ? device.uid : null }, clock.now());
    if (typeof place === 'number') return askedToWait(place);
    const valid = await this.#verify(user, password, seen === false ? null : device, place);
    if (valid && device) {
      await this.#fingerprints.remember(device, password);
      return this.#settle(device);
    }
    if (name && id && !known && this.#options.acceptUnclaimed) {
      return await this.#remember(id, name.domain, password, address);
    }
    const reason = device ? 'wrong password' : reasonOf(name?.domain, known);
    return refuse(401, wrongPassword, { reason, challenges: [basicChallenge], known });
  }

  /** By scrypt. Everything but a device that is let in counts as a failure, also an unclaimed one. */
  async #verify(
    name: string,
    password: string,
    device: DeviceCredentials | null,
    place: SlowPlace,
  ): Promise<boolean> {
    const { verifier, clock } = this.#options;
    let outcome: Parameters<SlowPlace['end']>[0] = 'neither';
    try {
      const valid = await verifier.verify({ kind: 'device', name, password }, device?.password ?? null);
      outcome = valid && device?.claimed ? 'letIn' : 'failed';
      return valid;
    } finally {
      place.end(outcome, clock.now(), device?.uid);
    }
  }

  async #remember(id: string, domain: string, password: string, address: string): Promise<DeviceVerdict> {
    const { store, clock, limits, verifier } = this.#options;
    if (!isDomain(domain)) return refuse(403, `the domain of a device must be ${domainRule}`);
    if (reservedLabels.has(id))
      return refuse(403, 'the host name of this device is a name of the reflector itself');
    const full = () => refuse(403, 'too many devices wait for being claimed');
    const network = widestOf(address) ?? address;
    const bounds = { all: limits.unclaimedDevices, ofNetwork: limits.unclaimedPerNetwork };
    const waiting = await store.devices.countUnclaimed(network);
    // Nobody may cost a hash for nothing; the store counts again.
    if (waiting.ofNetwork >= bounds.ofNetwork || waiting.all >= bounds.all) return full();
    const device = { id, domain, password: await verifier.hash('device', password) };
    const added = await store.devices.addUnclaimed(device, { address, network }, clock.date(), bounds);
    return added ? unclaimed(null) : full();
  }

  /** `null`: admitted; otherwise when to come back. */
  #arrive({ uid }: DeviceCredentials, address: string): DeviceVerdict | null {
    const { admission, clock } = this.#options;
    const askedSeconds = admission.admit({ address, device: uid }, clock.now());
    return askedSeconds === null ? null : askedToWait(askedSeconds);
  }

  #settle(device: DeviceCredentials, certificate: ProvenCertificate | null = null): DeviceVerdict {
    return device.claimed ? { device, certificate } : unclaimed(device);
  }

  async #checkDigest(
    digest: DigestAuthorization,
    request: { readonly method: string; readonly target: string; readonly address: string },
  ): Promise<DeviceVerdict> {
    const name = splitDeviceUser(digest.user);
    const id = name && normalizeDeviceId(name.deviceId);
    const known = id ? await this.#options.store.devices.credentials(id) : null;
    const device = known?.domain === name?.domain ? known : null;
    // From here to its use nothing waits: of two that bring one nonce, one is let in. Where several processes share them, they decide.
    const now = this.#options.clock.now();
    const nonce = this.#nonces.check(digest.nonce, now);
    const secret = digest.algorithm === 'md5' ? device?.digestMd5 : device?.digestSha256;
    const matches =
      digest.realm === deviceRealm &&
      digest.uri === request.target &&
      equalText(expectedDigest(digestFunction, secret ?? '', digest, request.method), digest.response);
    // After a wrong answer, and for a device that was not added for Digest, only Basic is offered: no second round.
    if (!matches || !secret || !device || nonce === 'foreign') {
      const wrong = secret ? 'wrong password' : 'Digest, and this device was added without --digest';
      const reason = device ? wrong : reasonOf(name?.domain, known);
      return refuse(401, wrongPassword, { reason, challenges: [basicChallenge], known });
    }
    if (nonce === 'stale') {
      return refuse(401, 'expired nonce', { challenges: this.#challenges(true), known });
    }
    // Who only repeats what a device has sent takes no place of that device, and one that is asked to wait may use its answer later.
    const arrivesFirst = this.#nonces.knowsUses;
    const asked = arrivesFirst ? this.#arrive(device, request.address) : null;
    if (asked) return asked;
    const used = this.#nonces.use(digest.nonce, now);
    const use = used instanceof Promise ? await used : used;
    if (use === 'stale') return refuse(401, 'expired nonce', { challenges: this.#challenges(true), known });
    if (use === 'busy') return refuse(503, 'too many log-ins, try again');
    return (arrivesFirst ? null : this.#arrive(device, request.address)) ?? this.#settle(device);
  }

  #challenges(stale: boolean): string[] {
    const nonce = this.#nonces.issue(this.#options.clock.now());
    const digest = (algorithm: string) =>
      `Digest realm="${deviceRealm}", qop="auth", algorithm=${algorithm}, nonce="${nonce}"${stale ? ', stale=true' : ''}`;
    return [digest('SHA-256'), digest('MD5'), basicChallenge];
  }
}
