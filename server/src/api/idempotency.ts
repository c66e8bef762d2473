import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from 'rm-protocol';
import type { Answer } from 'rm-reflector/ports';
import type { Limits } from '../limits.ts';
import { run as change, get, type Tables } from '../store/tables.ts';
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
  readonly #tables: Tables;
  readonly #clock: Clock;
  readonly #limits: IdempotencyLimits;
  readonly #answers: LRUCache<string, Answer>;
  readonly #underWay = new Set<string>();

  constructor(tables: Tables, clock: Clock, limits: IdempotencyLimits) {
    this.#tables = tables;
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
    const { idempotencyKeyLength } = this.#limits;
    if (key === '' || key.length > idempotencyKeyLength) {
      throw new Problem(400, 'The call does not fit its description', {
        detail: `Idempotency-Key: must have 1 to ${idempotencyKeyLength} characters`,
      });
    }
    const name = JSON.stringify([user, key]);
    if (this.#underWay.has(name)) throw conflict('a call with this Idempotency-Key is under way');
    // Before anything is waited for: the same call may come at any time.
    this.#underWay.add(name);
    try {
      return await this.#onceOnly({ name, user, key }, call, run);
    } finally {
      this.#underWay.delete(name);
    }
  }

  async #onceOnly(
    { name, user, key }: { readonly name: string; readonly user: string; readonly key: string },
    call: string,
    run: () => Promise<Answer>,
  ): Promise<Answer> {
    const hash = createHash('sha256').update(call).digest();
    const former = await this.#claim(user, key, hash);
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
    // That of another call, or of another user who had the name.
    this.#answers.delete(name);
    try {
      const answer = await run();
      if (answer.status >= 400) await this.#release(user, key);
      else if ((answer.body ?? '').length <= this.#limits.idempotencyAnswerBytes)
        this.#answers.set(name, answer);
      return answer;
    } catch (error) {
      // After any other error, nobody knows how far it came.
      if (error instanceof Problem) await this.#release(user, key);
      throw error;
    }
  }

  /** `null`: nobody had this key, and now this call does. Otherwise the hash of the call that has it. */
  #claim(user: string, key: string, call: Buffer): Promise<Buffer | null> {
    const now = this.#clock.date();
    const { idempotencyMs, idempotencyKeysPerUser } = this.#limits;
    return this.#tables.transact(function* () {
      yield* change('DELETE FROM fleet_calls WHERE created < ?', now - idempotencyMs);
      const select = 'SELECT call FROM fleet_calls WHERE "user" = ? AND key = ?';
      const found = yield* get<{ call: Buffer }>(select, user, key);
      if (found) return found.call;
      yield* change(
        'INSERT INTO fleet_calls ("user", key, call, created) VALUES (?, ?, ?, ?)',
        user,
        key,
        call,
        now,
      );
      yield* change(
        `DELETE FROM fleet_calls WHERE "user" = ? AND key NOT IN
           (SELECT key FROM fleet_calls WHERE "user" = ? ORDER BY created DESC LIMIT ?)`,
        user,
        user,
        idempotencyKeysPerUser,
      );
      return null;
    });
  }

  async #release(user: string, key: string): Promise<void> {
    await this.#tables.run('DELETE FROM fleet_calls WHERE "user" = ? AND key = ?', user, key);
  }
}
