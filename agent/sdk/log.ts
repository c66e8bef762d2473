import { nodeHost } from '../node/node-host.ts';
import { type Log, type LogLevel, messageOf, openLog } from '../src/log/log.ts';
import { contained } from './contained.ts';

/** A log with the names of `console` and pino. */
export interface ConsoleLog {
  error(text: string): void;
  warn(text: string): void;
  info(text: string): void;
  debug?(text: string): void;
  /** As pino has it: lines of a level that is off are not made. */
  isLevelEnabled?(level: string): boolean;
}

/** A log like that of the program: `<level> <text>` on standard error. */
export function stderrLog(level: LogLevel = 'info'): Log {
  return openLog(nodeHost, { level, to: 'stderr', priorities: 'auto' });
}

/** Of somebody who wants no lines. */
export const silent: Log = { error() {}, warning() {}, info() {} };

/**
 * The log that an application has given: `null` is none, and nothing is one of warnings on standard error. A `console`
 * gets no `debug` lines, which it would print always. A log that fails costs its line, and one on standard error says so. Returns what is wrong, as text, if it is no log.
 */
export function logOf(given: Log | ConsoleLog | null | undefined): Log | string {
  if (given === undefined) return stderrLog('warning');
  if (given === null) return silent;
  const allowed = 'allowed is null, console, a pino logger, or the functions error, warning, info and debug';
  if (typeof given !== 'object') return `found ${typeof given}, ${allowed}`;
  const warningName = 'warning' in given ? 'warning' : 'warn';
  const log = given as unknown as Record<string, unknown>;
  for (const name of ['error', warningName, 'info']) {
    if (typeof log[name] !== 'function') return `found no function ${name}, ${allowed}`;
  }
  const debugs = 'warning' in given || (given !== console && (given.isLevelEnabled?.('debug') ?? true));
  const warning: (text: string) => unknown =
    'warning' in given ? (text) => given.warning(text) : (text) => given.warn(text);
  let hasFailed = false;
  const failed = (error: unknown) => {
    if (!hasFailed) stderrLog('error').error(`the log of the application has failed: ${messageOf(error)}`);
    hasFailed = true;
  };
  return {
    error: (text) => contained(() => given.error(text), failed),
    warning: (text) => contained(() => warning(text), failed),
    info: (text) => contained(() => given.info(text), failed),
    ...(debugs && given.debug ? { debug: (text) => contained(() => given.debug?.(text), failed) } : {}),
  };
}
