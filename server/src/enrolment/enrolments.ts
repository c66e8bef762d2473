import type { Limits } from '../limits.ts';
import { get, run, type Tables, type Work } from '../store/tables.ts';
import { newCode } from './code.ts';

/** Why a device waits for a person; `key`: a key has let it in. */
export type EnrolmentReason = 'unclaimed' | 'approval' | 'clone' | 'taken' | 'key';

/** What a device comes with: its ID, the digest of its secret, and its hardware. */
export interface Applicant {
  readonly id: string;
  readonly secret: Buffer;
  readonly hardware: string;
}

/** Where it comes from: its address, and the network whose devices are counted together. */
export interface Origin {
  readonly address: string;
  readonly network: string;
}

/** Why a device waits, and what is known of where it belongs. */
export type Cause = Pick<Enrolment, 'reason' | 'domain' | 'key'>;

/** A device that waits, was accepted and has not come again, or is enrolled. Times are wall-clock ms. */
export interface Enrolment {
  readonly id: string;
  readonly state: 'waiting' | 'accepted' | 'enrolled';
  readonly reason: EnrolmentReason;
  /** `null`: whoever claims it decides. */
  readonly domain: string | null;
  /** ID of the enrolment key. */
  readonly key: string | null;
  /** `null` unless it waits. */
  readonly code: string | null;
  /** Of the record of the device, once it is enrolled. */
  readonly uid: string | null;
  /** The password hash that it was given. */
  readonly credential: string | null;
  readonly hardware: string;
  readonly address: string;
  readonly created: number;
  readonly seen: number;
}

const columns = 'id, state, reason, domain, key, code, uid, credential, hardware, address, created, seen';
const selectEnrolment = `SELECT ${columns} FROM fleet_enrolments`;
const byApplicant = 'id = ? AND secret = ? AND hardware = ?';
const selectWaiting = `${selectEnrolment} WHERE code = ? AND state = 'waiting'`;

type WaitingLimits = Pick<
  Limits,
  'enrolmentsWaiting' | 'enrolmentsWaitingPerNetwork' | 'enrolmentForgottenMs' | 'enrolmentAcceptedMs'
>;

/** The devices that have asked to be enrolled. What is decided and changed is a part of a transaction. */
export class Enrolments {
  readonly #database: Tables;
  readonly #limits: WaitingLimits;

  constructor(database: Tables, limits: WaitingLimits) {
    this.#database = database;
    this.#limits = limits;
  }

  async get(applicant: Applicant): Promise<Enrolment | null> {
    const sql = `${selectEnrolment} WHERE ${byApplicant}`;
    return (await this.#database.get<Enrolment>(sql, ...valuesOf(applicant))) ?? null;
  }

  /** As {@link get}. */
  *one(applicant: Applicant): Work<Enrolment | null> {
    const sql = `${selectEnrolment} WHERE ${byApplicant}`;
    return (yield* get<Enrolment>(sql, ...valuesOf(applicant))) ?? null;
  }

  /** As {@link get}; what was accepted and not asked for in time is forgotten. */
  async current(applicant: Applicant, now: number): Promise<Enrolment | null> {
    const found = await this.get(applicant);
    const since = now - this.#limits.enrolmentAcceptedMs;
    if (found?.state !== 'accepted' || found.seen >= since) return found;
    await this.#database.run(
      `DELETE FROM fleet_enrolments WHERE ${byApplicant} AND state = 'accepted' AND seen < ?`,
      ...[...valuesOf(applicant), since],
    );
    return this.get(applicant);
  }

  /** Another device, or the same on other hardware, that is enrolled with this secret; with the domain that it has now. */
  async otherWith({
    id,
    secret,
    hardware,
  }: Applicant): Promise<{ readonly id: string; readonly domain: string } | null> {
    const other = await this.#database.get<{ id: string; domain: string }>(
      `SELECT d.id, d.domain FROM fleet_enrolments e JOIN devices d ON d.uid = e.uid
       WHERE e.secret = ? AND e.state = 'enrolled' AND (e.id <> ? OR e.hardware <> ?) LIMIT 1`,
      ...[secret, id, hardware],
    );
    return other ?? null;
  }

  /** Who waits under this code. */
  *waiting(code: string): Work<Enrolment | null> {
    return (yield* get<Enrolment>(selectWaiting, code)) ?? null;
  }

  /** Those that wait, of these domains, `null` for all, by age, behind `after`. */
  list(
    domains: readonly string[] | null,
    after: { readonly created: number; readonly code: string } | null,
    limit: number,
  ): Promise<Enrolment[]> {
    return this.#database.read<Enrolment>(
      `${selectEnrolment} WHERE state = 'waiting'
         AND (CAST(? AS TEXT) IS NULL OR domain IN (${this.#database.dialect.elements('?')})) AND (created, code) > (?, ?)
       ORDER BY created, code LIMIT ?`,
      domains && '',
      JSON.stringify(domains ?? []),
      after?.created ?? -1,
      after?.code ?? '',
      limit,
    );
  }

  /** Notes that a device waits. `isNew`: it did not before, or for something else. `null`: too many wait. */
  *wait(
    applicant: Applicant,
    why: Cause,
    from: Origin,
    now: number,
  ): Work<{ readonly enrolment: Enrolment; readonly isNew: boolean } | null> {
    const found = yield* this.one(applicant);
    if (found?.state === 'waiting') {
      const { reason, domain, key } = why;
      yield* run(
        `UPDATE fleet_enrolments SET seen = ?, address = ?, reason = ?, domain = ?, key = ? WHERE ${byApplicant}`,
        ...[now, from.address, reason, domain, key, ...valuesOf(applicant)],
      );
      return { enrolment: { ...found, seen: now, reason, domain, key }, isNew: found.reason !== reason };
    }
    if (!(yield* this.#hasRoom(from.network, now))) return null;
    yield* this.#replace(applicant, why, 'waiting', newCode(), from, now);
    const enrolment = yield* this.one(applicant);
    return enrolment && { enrolment, isNew: true };
  }

  /** For whoever has counted a use of the key. */
  acceptByKey(
    applicant: Applicant,
    by: { readonly domain: string; readonly key: string },
    from: Origin,
    now: number,
  ): Work<void> {
    return this.#replace(applicant, { reason: 'key', ...by }, 'accepted', null, from, now);
  }

  /** False when nobody waits under this code any more. */
  *accept(code: string, domain: string, now: number): Work<boolean> {
    const changes = yield* run(
      `UPDATE fleet_enrolments SET state = 'accepted', domain = ?, code = NULL, seen = ? WHERE code = ? AND state = 'waiting'`,
      ...[domain, now, code],
    );
    return changes > 0;
  }

  /** False as for {@link accept}. */
  *refuse(code: string): Work<boolean> {
    return (yield* run(`DELETE FROM fleet_enrolments WHERE code = ? AND state = 'waiting'`, code)) > 0;
  }

  /** The device has its credentials: whoever else has waited for or had this ID is out. */
  *enrolled(applicant: Applicant, uid: string, credential: string): Work<void> {
    const { id, secret, hardware } = applicant;
    yield* run(
      `UPDATE fleet_enrolments SET state = 'enrolled', uid = ?, credential = ?, code = NULL WHERE ${byApplicant}`,
      ...[uid, credential, id, secret, hardware],
    );
    yield* run(
      'DELETE FROM fleet_enrolments WHERE id = ? AND NOT (secret = ? AND hardware = ?)',
      ...[id, secret, hardware],
    );
  }

  /** Whether a device has got something by its enrolment. */
  async isKnown(uid: string): Promise<boolean> {
    return (await this.#database.get('SELECT 1 FROM fleet_enrolments WHERE uid = ?', uid)) !== undefined;
  }

  /** What a device has is worth nothing any more. */
  async forget(uid: string): Promise<void> {
    await this.#database.run('DELETE FROM fleet_enrolments WHERE uid = ?', uid);
  }

  *#replace(
    applicant: Applicant,
    { reason, domain, key }: Cause,
    state: Enrolment['state'],
    code: string | null,
    { address, network }: Origin,
    now: number,
  ): Work<void> {
    yield* run(`DELETE FROM fleet_enrolments WHERE ${byApplicant}`, ...valuesOf(applicant));
    yield* run(
      `INSERT INTO fleet_enrolments (id, secret, hardware, state, reason, domain, key, code, address, network, created, seen)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[...valuesOf(applicant), state, reason, domain, key, code, address, network, now, now],
    );
  }

  *#hasRoom(network: string, now: number): Work<boolean> {
    const { enrolmentsWaiting, enrolmentsWaitingPerNetwork } = this.#limits;
    const { enrolmentForgottenMs, enrolmentAcceptedMs } = this.#limits;
    const forget = 'DELETE FROM fleet_enrolments WHERE state = ? AND seen < ?';
    yield* run(forget, 'waiting', now - enrolmentForgottenMs);
    yield* run(forget, 'accepted', now - enrolmentAcceptedMs);
    const waiting = yield* get<{ n: number; here: number }>(
      `SELECT count(*) AS n, count(CASE WHEN network = ? THEN 1 END) AS here FROM fleet_enrolments WHERE state = 'waiting'`,
      network,
    );
    const { n = 0, here = 0 } = waiting ?? {};
    return n < enrolmentsWaiting && here < enrolmentsWaitingPerNetwork;
  }
}

function valuesOf({ id, secret, hardware }: Applicant) {
  return [id, secret, hardware];
}
