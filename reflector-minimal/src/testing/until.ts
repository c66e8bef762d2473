import { vi } from 'vitest';

/** What a busy machine may need for something that takes milliseconds on an idle one. */
const PATIENCE_MS = 120_000;

/** Waits for `condition`, which must come true by itself. */
export async function until(condition: () => unknown): Promise<void> {
  await vi.waitUntil(condition, { timeout: PATIENCE_MS, interval: 5 });
}
