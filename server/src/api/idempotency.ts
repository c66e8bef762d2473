import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from 'rm-protocol';
import type { Answer } from 'rm-reflector/ports';
import type { Limits } from '../limits.ts';
import type { FleetDatabase } from '../store/fleet-database.ts';
import { conflict, Problem } from './problem.ts';

type IdempotencyLimits = Pick<
  Limits,
  'idempotencyKeyLength' | 'idempotencyMs' | 'idempotencyKeysPerUser' | 'idempotencyAnswerBytes'
>;

/**
 * Does a call with an `Idempotency-Key` once. That it was done is in the store; what it answered, which may be a password, is in
 * memory only. So a call that is repeated after a restart is refused and not done again.
 */
export class Idempotency {
  readonly #database: FleetDatabase;
  readonly #clock: Clock;
  readonly #limits: IdempotencyLimits;
  readonly #answers: LRUCache<string, Answer>;
  readonly #underWay = new Set<string>();

  constructor(database: FleetDatabase, clock: Clock, limits: IdempotencyLimits) {
    this.#database = database;
    this.#clock = clock;
    this.#limits = limits;
    this.#answers = new LRUCache({
      maxSize: 1_000 * limits.idempotencyAnswerBytes,
      ttl: limits.idempotencyMs,
      sizeCalculation: ({ body = '' }) => 1_024 + body.length,
      perf: { now: () => clock.now() },
    });
  }

  /** `call`: all that the call says. Only what succeeds counts as done. Throws a {@link Problem}. */
  async once(user: string, key: string, call: string, run: () => Promise<Answer>): Promise<Answer> {
    const { idempotencyKeyLength, idempotencyAnswerBytes } = this.#limits;
    if (key === '' || key.length > idempotencyKeyLength) {
      throw new Problem(400, 'The call does not fit its description', {
        detail: `Idempotency-Key: must have 1 to ${idempotencyKeyLength} characters`,
      });
    }
    const name = JSON.stringify([user, key]);
    if (this.#underWay.has(name)) throw conflict('a call with this Idempotency-Key is under way');
    const hash = createHash('sha256').update(call).digest();
    const former = this.#claim(user, key, hash);
    if (former) {
      if (!former.equals(hash)) {
        throw new Problem(422, 'A value cannot be used', {
          detail: 'Idempotency-Key: was used for another call',
        });
      }
      const answer = this.#answers.get(name);
      if (answer) return { ...answer, headers: { ...answer.headers, 'Idempotency-Replayed': 'true' } };
      throw conflict('this call was made before, and its answer is not kept any more: look at what is there');
    }
    this.#underWay.add(name);
    try {
      const answer = await run();
      if (answer.status >= 400) this.#release(user, key);
      else if ((answer.body ?? '').length <= idempotencyAnswerBytes) this.#answers.set(name, answer);
      return answer;
    } catch (error) {
      // After any other error, nobody knows how far it came.
      if (error instanceof Problem) this.#release(user, key);
      throw error;
    } finally {
      this.#underWay.delete(name);
    }
  }

  /** `null`: nobody had this key, and now this call does. Otherwise the hash of the call that has it. */
  #claim(user: string, key: string, call: Buffer): Buffer | null {
    const now = this.#clock.date();
    const { idempotencyMs, idempotencyKeysPerUser } = this.#limits;
    return this.#database.transaction(() => {
      this.#database.prepare('DELETE FROM fleet_calls WHERE created < ?').run(now - idempotencyMs);
      const found = this.#database
        .prepare<{ call: Buffer }>('SELECT call FROM fleet_calls WHERE user = ? AND key = ?')
        .get(user, key);
      if (found) return found.call;
      this.#database
        .prepare('INSERT INTO fleet_calls (user, key, call, created) VALUES (?, ?, ?, ?)')
        .run(user, key, call, now);
      this.#database
        .prepare(
          'DELETE FROM fleet_calls WHERE user = ? AND key IN (SELECT key FROM fleet_calls WHERE user = ? ORDER BY created DESC LIMIT -1 OFFSET ?)',
        )
        .run(user, user, idempotencyKeysPerUser);
      return null;
    });
  }

  #release(user: string, key: string): void {
    this.#database.prepare('DELETE FROM fleet_calls WHERE user = ? AND key = ?').run(user, key);
  }
}
