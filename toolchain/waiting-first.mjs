// The order of the test files: first those that wait for time-outs of a protocol for a minute and more, beside others that compute.
import { BaseSequencer } from 'vitest/node';

/** They take as long as their times do, however fast the machine is: begun last, they would keep a run waiting. */
export const waiting = ['test/e2e/networks', 'test/e2e/names', 'test/scenarios/liveness'];

export default class WaitingFirst extends BaseSequencer {
  /**
   * @override
   * @param {Parameters<BaseSequencer['sort']>[0]} files
   */
  async sort(files) {
    const sorted = await super.sort(files);
    const waits = (/** @type {(typeof files)[number]} */ { moduleId }) =>
      waiting.some((name) => moduleId.endsWith(`/${name}.test.ts`));
    return [...sorted.filter(waits), ...sorted.filter((file) => !waits(file))];
  }
}
