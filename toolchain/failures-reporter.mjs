// A reporter of vitest: writes what failed, as JSON, into the file that RM_FAILURES_FILE names.
import { writeFileSync } from 'node:fs';

/** @import { Reporter, TestModule } from 'vitest/node' */

/** Characters shown of either end: a message may begin with the command that failed and end with what it said. */
const shownOfEitherEnd = 300;

/** @param {string} message */
function shortened(message) {
  if (message.length <= 2 * shownOfEitherEnd) return message;
  return `${message.slice(0, shownOfEitherEnd)} … ${message.slice(-shownOfEitherEnd)}`;
}

/**
 * One line, and as much of its first error as tells faults apart.
 * @param {string} name
 * @param {readonly { message: string, actual?: unknown }[] | undefined} errors
 */
function failure(name, errors) {
  const error = errors?.[0];
  // The message shortens what it compares.
  const received =
    error?.message.includes('…') && typeof error.actual === 'string' ? `; ${error.actual}` : '';
  const message = `${error?.message ?? ''}${received}`.replaceAll(/\s+/g, ' ').trim();
  return message === '' ? name : `${name}: ${shortened(message)}`;
}

/** @implements {Reporter} */
export default class FailuresReporter {
  /** @type {TestModule[]} */
  #failed = [];

  /** A run that is ended before it is through has told what failed until then. @param {TestModule} module */
  onTestModuleEnd(module) {
    if (module.state() !== 'failed') return;
    this.#failed.push(module);
    write(this.#failed, []);
  }

  /**
   * @param {readonly TestModule[]} modules
   * @param {readonly unknown[]} unhandled
   */
  onTestRunEnd(modules, unhandled) {
    write(modules, unhandled);
  }
}

/**
 * @param {readonly TestModule[]} modules
 * @param {readonly unknown[]} unhandled
 */
function write(modules, unhandled) {
  /** @type {import('./failures.mjs').Failure[]} */
  const failures = modules
    .filter((each) => each.state() === 'failed')
    .map((each) => ({
      project: each.project.name,
      what: each.relativeModuleId,
      tests: [
        ...[...each.children.allTests('failed')].map((test) => failure(test.fullName, test.result().errors)),
        ...[...each.children.allSuites()]
          .filter((suite) => suite.errors().length > 0)
          .map((suite) => failure(suite.fullName, suite.errors())),
        ...(each.errors().length > 0 ? [failure('(the file)', each.errors())] : []),
      ],
      isFile: true,
    }));
  const file = process.env.RM_FAILURES_FILE ?? '';
  if (file !== '') writeFileSync(file, JSON.stringify({ failures, unhandled: unhandled.length }));
}
