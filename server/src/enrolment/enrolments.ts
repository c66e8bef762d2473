import type { Limits } from '../limits.ts';
import type { FleetDatabase } from '../store/fleet-database.ts';
import { newCode } from './code.ts';

/** Why a device waits for a person; `key`: a key has let it in. */
export type EnrolmentReason = 'unclaimed' | 'approval' | 'clone' | 'taken' | 'key';

/** What a device comes with: its ID, the digest of its secret, and its hardware. */
export interface Applicant {
  readonly id: string;
  readonly secret: Buffer;
  readonly hardware: string;
}

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
const byApplicant = 'id = ? AND secret = ? AND hardware = ?';

type WaitingLimits = Pick<
  Limits,
  'enrolmentsWaiting' | 'enrolmentsWaitingPerNetwork' | 'enrolmentForgottenMs' | 'enrolmentAcceptedMs'
>;

export class Enrolments {
  readonly #database: FleetDatabase;
  readonly #limits: WaitingLimits;

  constructor(database: FleetDatabase, limits: WaitingLimits) {
    this.#database = database;
    this.#limits = limits;
  }

  get({ id, secret, hardware }: Applicant): Enrolment | null {
    return (
      this.#database
        .prepare<Enrolment>(`SELECT ${columns} FROM fleet_enrolments WHERE ${byApplicant}`)
        .get(id, secret, hardware) ?? null
    );
  }

  /** As {@link get}; what was accepted and not asked for in time is forgotten. */
  current(applicant: Applicant, now: number): Enrolment | null {
    const found = this.get(applicant);
    if (found?.state !== 'accepted' || found.seen >= now - this.#limits.enrolmentAcceptedMs) return found;
    const { id, secret, hardware } = applicant;
    this.#database.prepare(`DELETE FROM fleet_enrolments WHERE ${byApplicant}`).run(id, secret, hardware);
    return null;
  }

  /** Another device, or the same on other hardware, that is enrolled with this secret; with the domain that it has now. */
  otherWith({ id, secret, hardware }: Applicant): { readonly id: string; readonly domain: string } | null {
    return (
      this.#database
        .prepare<{ id: string; domain: string }>(
          `SELECT d.id, d.domain FROM fleet_enrolments e JOIN devices d ON d.uid = e.uid
           WHERE e.secret = ? AND e.state = 'enrolled' AND (e.id <> ? OR e.hardware <> ?) LIMIT 1`,
        )
        .get(secret, id, hardware) ?? null
    );
  }

  /** Who waits under this code. */
  waiting(code: string): Enrolment | null {
    return (
      this.#database
        .prepare<Enrolment>(`SELECT ${columns} FROM fleet_enrolments WHERE code = ? AND state = 'waiting'`)
        .get(code) ?? null
    );
  }

  /** Those that wait, of these domains, `null` for all, by age, behind `after`. */
  async list(
    domains: readonly string[] | null,
    after: { readonly created: number; readonly code: string } | null,
    limit: number,
  ): Promise<Enrolment[]> {
    return await this.#database.read<Enrolment>(
      `SELECT ${columns} FROM fleet_enrolments
       WHERE state = 'waiting' AND (? OR domain IN (SELECT value FROM json_each(?))) AND (created, code) > (?, ?)
       ORDER BY created, code LIMIT ?`,
      domains === null ? 1 : 0,
      JSON.stringify(domains ?? []),
      after?.created ?? -1,
      after?.code ?? '',
      limit,
    );
  }

  /** Notes that a device waits. `isNew`: it did not before, or for something else. `null`: too many wait. */
  wait(
    applicant: Applicant,
    why: { readonly reason: EnrolmentReason; readonly domain: string | null; readonly key: string | null },
    from: { readonly address: string; readonly network: string },
    now: number,
  ): { readonly enrolment: Enrolment; readonly isNew: boolean } | null {
    return this.#database.transaction(() => {
      const found = this.get(applicant);
      const { id, secret, hardware } = applicant;
      const { reason, domain, key } = why;
      const { address, network } = from;
      if (found?.state === 'waiting') {
        this.#database
          .prepare(
            `UPDATE fleet_enrolments SET seen = ?, address = ?, reason = ?, domain = ?, key = ? WHERE ${byApplicant}`,
          )
          .run(now, address, reason, domain, key, id, secret, hardware);
        return { enrolment: { ...found, seen: now, reason, domain, key }, isNew: found.reason !== reason };
      }
      if (!this.#hasRoom(network, now)) return null;
      this.#database.prepare(`DELETE FROM fleet_enrolments WHERE ${byApplicant}`).run(id, secret, hardware);
      this.#insert(applicant, why, 'waiting', newCode(), from, now);
      const enrolment = this.get(applicant);
      return enrolment && { enrolment, isNew: true };
    });
  }

  /** Within a transaction of the caller, who has counted a use of the key. */
  acceptByKey(
    applicant: Applicant,
    by: { readonly domain: string; readonly key: string },
    from: { readonly address: string; readonly network: string },
    now: number,
  ): void {
    const { id, secret, hardware } = applicant;
    this.#database.prepare(`DELETE FROM fleet_enrolments WHERE ${byApplicant}`).run(id, secret, hardware);
    this.#insert(applicant, { reason: 'key', ...by }, 'accepted', null, from, now);
  }

  /** Within a transaction of the caller. False when nobody waits under this code any more. */
  accept(code: string, domain: string, now: number): boolean {
    return (
      this.#database
        .prepare(
          `UPDATE fleet_enrolments SET state = 'accepted', domain = ?, code = NULL, seen = ? WHERE code = ? AND state = 'waiting'`,
        )
        .run(domain, now, code).changes > 0
    );
  }

  refuse(code: string): boolean {
    return (
      this.#database.prepare(`DELETE FROM fleet_enrolments WHERE code = ? AND state = 'waiting'`).run(code)
        .changes > 0
    );
  }

  /** The device has its credentials: whoever else has waited for or had this ID is out. */
  enrolled(applicant: Applicant, uid: string, credential: string): void {
    const { id, secret, hardware } = applicant;
    this.#database.transaction(() => {
      this.#database
        .prepare(
          `UPDATE fleet_enrolments SET state = 'enrolled', uid = ?, credential = ?, code = NULL WHERE ${byApplicant}`,
        )
        .run(uid, credential, id, secret, hardware);
      this.#database
        .prepare('DELETE FROM fleet_enrolments WHERE id = ? AND NOT (secret = ? AND hardware = ?)')
        .run(id, secret, hardware);
    });
  }

  /** Whether a device has got something by its enrolment. */
  isKnown(uid: string): boolean {
    return this.#database.prepare('SELECT 1 FROM fleet_enrolments WHERE uid = ?').get(uid) !== undefined;
  }

  /** What a device has is worth nothing any more. */
  forget(uid: string): void {
    this.#database.prepare('DELETE FROM fleet_enrolments WHERE uid = ?').run(uid);
  }

  #insert(
    { id, secret, hardware }: Applicant,
    { reason, domain, key }: Parameters<Enrolments['wait']>[1],
    state: Enrolment['state'],
    code: string | null,
    { address, network }: { readonly address: string; readonly network: string },
    now: number,
  ): void {
    this.#database
      .prepare(
        `INSERT INTO fleet_enrolments (id, secret, hardware, state, reason, domain, key, code, address, network, created, seen)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(id, secret, hardware, state, reason, domain, key, code, address, network, now, now);
  }

  #hasRoom(network: string, now: number): boolean {
    const { enrolmentsWaiting, enrolmentsWaitingPerNetwork } = this.#limits;
    const { enrolmentForgottenMs, enrolmentAcceptedMs } = this.#limits;
    const forget = this.#database.prepare('DELETE FROM fleet_enrolments WHERE state = ? AND seen < ?');
    forget.run('waiting', now - enrolmentForgottenMs);
    forget.run('accepted', now - enrolmentAcceptedMs);
    const count = (sql: string, ...values: unknown[]) =>
      this.#database.prepare<{ n: number }>(sql).get(...values)?.n ?? 0;
    const waiting = `SELECT count(*) AS n FROM fleet_enrolments WHERE state = 'waiting'`;
    return (
      count(waiting) < enrolmentsWaiting &&
      count(`${waiting} AND network = ?`, network) < enrolmentsWaitingPerNetwork
    );
  }
}
