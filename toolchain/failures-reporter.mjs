// A reporter of vitest: writes what failed, as JSON, into the file that RM_FAILURES_FILE names.
import { writeFileSync } from 'node:fs';

/** @import { Reporter, TestModule } from 'vitest/node' */

/** @implements {Reporter} */
export default class FailuresReporter {
  /**
   * @param {readonly TestModule[]} modules
   * @param {readonly unknown[]} unhandled
   */
  onTestRunEnd(modules, unhandled) {
    /** @type {import('./failures.mjs').Failure[]} */
    const failures = modules
      .filter((each) => each.state() === 'failed')
      .map((each) => ({
        project: each.project.name,
        what: each.relativeModuleId,
        tests: [...each.children.allTests('failed')].map(({ fullName }) => fullName),
        isFile: true,
      }));
    const file = process.env.RM_FAILURES_FILE ?? '';
    if (file !== '') writeFileSync(file, JSON.stringify({ failures, unhandled: unhandled.length }));
  }
}
