/** What a busy machine may need for something that takes milliseconds on an idle one. */
const PATIENCE_MS = 120_000;

/** Between two looks: longer and longer, so that a test that waits for long leaves the machine to what it waits for. */
const FIRST_MS = 2;
const LAST_MS = 50;

/** The real one, also where a test replaces it. */
const { setTimeout } = globalThis;

/** Waits for `condition`, which must come true by itself. */
export async function until(condition: () => unknown): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (let pauseMs = FIRST_MS; !(await condition()); pauseMs = Math.min(1.5 * pauseMs, LAST_MS)) {
    if (performance.now() > end) throw new Error(`not true after ${PATIENCE_MS} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
