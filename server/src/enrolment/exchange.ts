import { createHash } from 'node:crypto';
import {
  deviceSecrets,
  Fingerprints,
  generatePassword,
  hiddenBy,
  Installation,
  networksOf,
  normalizeDeviceId,
} from 'rm-reflector';
import type { DeviceCredentials } from 'rm-reflector/ports';
import { conflict, fieldProblem, Problem } from '../api/problem.ts';
import { domainTarget } from '../devices/context.ts';
import { addWithinQuota, deviceQuotaProblem } from '../devices/quota-guard.ts';
import type { Core } from '../part.ts';
import type { Authority } from './authority.ts';
import { digestOf, type EnrolmentKey, type EnrolmentKeys } from './enrolment-keys.ts';
import type { Applicant, Cause, Enrolment, EnrolmentReason, Enrolments, Origin } from './enrolments.ts';

/** What a device sends (`docs/server/enrolment.md`). */
export interface EnrolmentRequest {
  readonly id: string;
  /** Where it wants to be; `null`: wherever the server says. */
  readonly domain?: string | null | undefined;
  readonly key?: string | undefined;
  /** What it has made up for itself. */
  readonly secret: string;
  /** SHA-256 of what names its hardware, hexadecimal. */
  readonly hardware: string;
  /** For a certificate: PKCS#10, Base64. */
  readonly request?: string | undefined;
}

export type EnrolmentOutcome =
  | {
      readonly domain: string;
      readonly certificate?: string;
      /** When the certificate is to be renewed, wall-clock ms. */
      readonly renewAt?: number;
    }
  /** A person must accept it, by this code. */
  | { readonly code: string; readonly title: string; readonly retrySeconds: number };

/** Why it waits, for the person at the device and in the logs. */
const reasons: Readonly<Record<EnrolmentReason, string>> = {
  unclaimed: 'The operator must enter this code',
  approval: 'The operator must approve this device',
  clone: 'The secret of this device came from other hardware: the operator must approve it',
  taken: 'Another device has this ID: the operator must approve this one',
  key: 'Accepted',
};

const HOUR_MS = 3_600_000;

/** Whoever needs no key learns nothing of keys: one text for those that are wrong, used up, expired and revoked. */
function badKey(): Problem {
  return new Problem(403, 'This enrolment key is not valid');
}

/** Makes devices of requests for enrolment. */
export class Exchange {
  readonly #core: Core;
  readonly #keys: EnrolmentKeys;
  readonly #enrolments: Enrolments;
  readonly #authority: () => Promise<Authority>;
  readonly #installation: Installation;

  constructor(core: Core, keys: EnrolmentKeys, enrolments: Enrolments, authority: () => Promise<Authority>) {
    this.#core = core;
    this.#keys = keys;
    this.#enrolments = enrolments;
    this.#authority = authority;
    this.#installation = new Installation(core.store);
  }

  /**
   * The same request may come any number of times: a device that has lost the reply asks again. Keys and secrets are looked up
   * by their digests, all of them for every request, so that the time tells nothing of what there is. Throws a `Problem`.
   */
  async take(request: EnrolmentRequest, address: string): Promise<EnrolmentOutcome> {
    const { store, clock } = this.#core;
    const id = normalizeDeviceId(request.id);
    if (id === null) throw fieldProblem('/id', 'must be letters, digits, "-" and "_", at most 63');
    const hidden = hiddenBy(id, await this.#installation.takenLabel());
    if (hidden !== null) throw fieldProblem('/id', `its host name is ${hidden}`);
    if (request.request !== undefined) await this.#checkCertificates();
    const device = await store.devices.credentials(id);
    const now = clock.date();
    const applicant = { id, secret: digestOf(request.secret), hardware: request.hardware };
    const key = await this.#keys.find(request.key ?? '');
    const found = await this.#enrolments.current(applicant, now);
    const other = await this.#enrolments.otherWith(applicant);
    if (found && device && isEnrolled(found, device)) return this.#given(applicant, device, request);
    const claimed = device?.claimed ? device : null;
    // It was accepted into one domain: a device that has its ID in another one meanwhile is not replaced by that.
    const isElsewhere = claimed !== null && found !== null && found.domain !== claimed.domain;
    if (found?.state === 'accepted' && !isElsewhere)
      return await this.#complete(applicant, found, request, address);
    const isClone = other !== null && (claimed === null || claimed.domain === other.domain);
    const reason = reasonFor(isClone, claimed !== null, request.key, key);
    // Whoever has the device that would be replaced decides.
    const domain = claimed?.domain ?? other?.domain ?? key?.domain ?? null;
    if (request.key !== undefined && !other) await this.#checkKey(key, id, now);
    const wanted = request.domain ?? null;
    // Who has neither a key nor a known secret learns nothing of a device that has this ID.
    const isKnown = request.key !== undefined || other !== null;
    if (isKnown && domain !== null && wanted !== null && wanted !== domain) {
      throw new Problem(403, 'This device is for another domain', { detail: 'leave out device.domain' });
    }
    const from = { address, network: networksOf(address).at(-1) ?? address };
    if (reason === 'key' && key) {
      const [keys, enrolments] = [this.#keys, this.#enrolments];
      await this.#core.database.transact(function* () {
        // Another request of this device may have come meanwhile.
        const there = yield* enrolments.one(applicant);
        if (there && there.state !== 'waiting') return;
        // Nothing is kept of a device for which there is no room: it comes again.
        const problem = yield* deviceQuotaProblem(key.domain);
        if (problem) throw problem;
        if (!(yield* keys.use(key.id, now))) throw badKey();
        yield* enrolments.acceptByKey(applicant, { domain: key.domain, key: key.id }, from, now);
      });
      const accepted = await this.#enrolments.get(applicant);
      if (accepted) return await this.#complete(applicant, accepted, request, address);
    }
    const title = reasons[isKnown ? reason : 'unclaimed'];
    return this.#wait(
      applicant,
      { reason, domain: domain ?? wanted, key: key?.id ?? null },
      title,
      from,
      now,
    );
  }

  async #checkKey(key: EnrolmentKey | null, id: string, now: number): Promise<void> {
    const isGood =
      key &&
      (key.expires === null || key.expires > now) &&
      (key.uses === null || key.used < key.uses || key.approval);
    // Whoever has made it may not enrol devices any more: neither may others with it.
    if (!isGood || !(await this.#mayEnrol(key))) throw badKey();
    if (!id.startsWith(key.prefix)) {
      throw new Problem(403, 'This enrolment key is not for this ID', {
        detail: `its IDs begin with "${key.prefix}"`,
      });
    }
  }

  async #mayEnrol({ domain, createdBy, createdByUid }: EnrolmentKey): Promise<boolean> {
    const held = await this.#core.rights.ofMaker(createdBy, createdByUid);
    return held?.may('enrolment.write', domainTarget(domain)) ?? false;
  }

  async #wait(
    applicant: Applicant,
    why: Cause,
    title: string,
    from: Origin,
    now: number,
  ): Promise<EnrolmentOutcome> {
    const { audit, database, eventLog, log, limits } = this.#core;
    const waits = await database.transact(() => this.#enrolments.wait(applicant, why, from, now));
    if (waits === null) {
      const headers = { 'Retry-After': String(limits.enrolmentIdleRetrySeconds) };
      throw new Problem(503, 'Too many devices wait to be accepted', { headers });
    }
    const { enrolment, isNew } = waits;
    const { reason } = why;
    if (isNew) {
      const facts = { device: applicant.id, address: from.address, reason: reasons[reason] };
      audit.record({ event: `enrolment-${reason}`, allowed: false, ...facts });
      const domain = why.domain ?? undefined;
      await eventLog.append([
        { kind: 'device.waiting', time: now, device: applicant.id, domain, data: { reason } },
      ]);
      if (reason === 'clone') log.warn(facts, 'a copy of a device asks to be enrolled');
      else log.info(facts, 'a device waits to be enrolled');
    }
    const idle = now - enrolment.created > HOUR_MS;
    return {
      code: enrolment.code ?? '',
      title,
      retrySeconds: idle ? limits.enrolmentIdleRetrySeconds : limits.enrolmentRetrySeconds,
    };
  }

  /** What an enrolled device has, once more; what it has not yet, anew. */
  async #given(
    applicant: Applicant,
    device: DeviceCredentials,
    request: EnrolmentRequest,
  ): Promise<EnrolmentOutcome> {
    const byCertificate = request.request !== undefined;
    if (byCertificate !== (device.certificatesSince !== null)) {
      await this.#equip(applicant, device.domain, device, request);
    }
    return { domain: device.domain, ...(await this.#certificate(device.id, request)) };
  }

  async #complete(
    applicant: Applicant,
    { domain, reason, key }: Enrolment,
    request: EnrolmentRequest,
    address: string,
  ): Promise<EnrolmentOutcome> {
    const { store, audit, eventLog, clock } = this.#core;
    const { id } = applicant;
    const device = await store.devices.credentials(id);
    const own = device?.claimed ? device : null;
    if (domain === null) throw conflict(`device ${id}: has no domain`);
    // Another domain may have added a device of this ID since it was accepted into this one.
    if (own && own.domain !== domain) throw conflict(`device ${id}: is in another domain meanwhile`);
    await this.#equip(applicant, domain, own, request);
    const detail = `domain ${domain}, ${key === null ? reason : `${reason} ${key}`}`;
    audit.record({ event: 'enrolment', allowed: true, device: id, address, detail });
    await eventLog.append([{ kind: 'device.claimed', time: clock.date(), device: id, data: { reason } }]);
    return { domain, ...(await this.#certificate(id, request)) };
  }

  /** Gives a device its credentials; `device`: the record that it takes over. */
  async #equip(
    applicant: Applicant,
    domain: string,
    device: DeviceCredentials | null,
    request: EnrolmentRequest,
  ): Promise<void> {
    const { database, store, clock } = this.#core;
    const { id } = applicant;
    const byCertificate = request.request !== undefined;
    const password = byCertificate ? generatePassword() : passwordOf(request);
    const secrets = await deviceSecrets(id, domain, password, false, 'generated');
    const now = clock.date();
    // Certificates of the former hardware count no more.
    const since = byCertificate ? now : null;
    if (device) {
      if (!(await store.devices.setSecrets(id, secrets, now, since, { uid: device.uid, domain })))
        throw conflict(`device ${id}: was removed or moved meanwhile`);
    } else {
      await addWithinQuota(this.#core, { id, domain, secrets }, now, since);
    }
    const uid = (await store.devices.identity(id))?.uid;
    if (uid === undefined) throw conflict(`device ${id}: was removed`);
    await database.transact(() => this.#enrolments.enrolled(applicant, uid, secrets.password));
    if (byCertificate) return;
    const fingerprints = new Fingerprints(store.devices, await this.#installation.fingerprintKey());
    await fingerprints.remember({ id, password: secrets.password, fingerprint: null }, password, true);
  }

  async #checkCertificates(): Promise<void> {
    const file = this.#core.settings.tls?.clientCa ?? null;
    const authority = await this.#authority();
    if (file !== null && authority.isIn(file)) return;
    throw new Problem(409, 'This server takes no certificates of its own authority', {
      detail: 'the operator must name it in clientCa',
    });
  }

  async #certificate(
    id: string,
    { request }: EnrolmentRequest,
  ): Promise<{ readonly certificate: string; readonly renewAt: number } | null> {
    if (request === undefined) return null;
    const now = this.#core.clock.date();
    const { enrolmentCertificateMs: ms } = this.#core.limits;
    const certificate = await (await this.#authority()).issue(request, id, now, now + ms);
    if (certificate === null)
      throw fieldProblem('/request', 'must be a PKCS#10 of a key of P-256, in Base64');
    return { certificate, renewAt: now + Math.floor((ms * 2) / 3) };
  }
}

/** What the agent makes of its secret and its hardware. */
function passwordOf({ secret, hardware }: EnrolmentRequest): string {
  return createHash('sha256').update(`${secret}:${hardware}`).digest('base64');
}

function isEnrolled(found: Enrolment, device: DeviceCredentials): boolean {
  return (
    found.state === 'enrolled' &&
    device.claimed &&
    found.uid === device.uid &&
    found.credential === device.password
  );
}

function reasonFor(
  isClone: boolean,
  isTaken: boolean,
  given: string | undefined,
  key: EnrolmentKey | null,
): EnrolmentReason {
  if (isClone) return 'clone';
  if (isTaken) return 'taken';
  if (given === undefined) return 'unclaimed';
  return key?.approval ? 'approval' : 'key';
}
