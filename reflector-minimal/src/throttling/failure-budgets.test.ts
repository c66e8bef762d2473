import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FailureBudgets } from './failure-budgets.ts';

const bounds = { periodMs: 60_000, keys: 3 };
const a = { key: 'a', failures: 4 };

/** One attempt; false when it has to wait. */
function attempt(budgets: FailureBudgets, budget: typeof a, now: number, failed = true): boolean {
  if (budgets.wait(budget, now) > 0) return false;
  budgets.begin(budget, now);
  budgets.end(budget, failed, now);
  return true;
}

describe('budgets of failures', () => {
  test('let so many fail, and forget them evenly', () => {
    const budgets = new FailureBudgets(bounds);
    const made = Array.from({ length: 6 }, () => attempt(budgets, a, 0));
    expect(made).toEqual([true, true, true, true, false, false]);
    expect(budgets.wait(a, 0)).toBe(15_000);
    expect(attempt(budgets, a, 14_999)).toBe(false);
    expect(attempt(budgets, a, 15_000)).toBe(true);
    expect(attempt(budgets, a, 15_000)).toBe(false);
  });

  test('count no success, and keep nothing of it', () => {
    const budgets = new FailureBudgets(bounds);
    for (let i = 0; i < 100; i++) expect(attempt(budgets, a, 0, false)).toBe(true);
    expect(budgets.size).toBe(0);
  });

  test('what fails side by side beyond the budget is a debt', () => {
    const budgets = new FailureBudgets(bounds);
    for (let i = 0; i < 8; i++) {
      expect(budgets.wait(a, 0)).toBe(0);
      budgets.begin(a, 0);
    }
    budgets.end(a, true, 0);
    // From now on no more than could fail.
    expect(budgets.wait(a, 0)).toBeGreaterThan(0);
    for (let i = 0; i < 7; i++) budgets.end(a, true, 0);
    expect(budgets.wait(a, 0)).toBe(75_000);
  });

  test('keys: the oldest are forgotten, not those under way', () => {
    const budgets = new FailureBudgets(bounds);
    budgets.begin({ key: 'held', failures: 1 }, 0);
    for (let i = 0; i < 50; i++) attempt(budgets, { key: `${i}`, failures: 1 }, 0);
    expect(budgets.size).toBe(3);
    budgets.end({ key: 'held', failures: 1 }, true, 0);
    expect(budgets.wait({ key: 'held', failures: 1 }, 0)).toBeGreaterThan(0);
    expect(budgets.wait({ key: '49', failures: 1 }, 0)).toBeGreaterThan(0);
    expect(budgets.wait({ key: '0', failures: 1 }, 0)).toBe(0);
  });

  test('never let more fail one by one than the budget and the time allow', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 200 }), (gaps) => {
        const budgets = new FailureBudgets(bounds);
        let [now, failed] = [0, 0];
        for (const gap of gaps) {
          now += gap;
          if (attempt(budgets, a, now)) failed++;
        }
        expect(failed).toBeLessThanOrEqual(a.failures + (now * a.failures) / bounds.periodMs + 1e-6);
      }),
    );
  });
});
