import type { Log } from '../src/log/log.ts';
import { type ConsoleLog, logOf, silent } from './log.ts';

/** Somebody wants to be let in. */
export interface AccessRequest {
  readonly port: number;
  /** The channel that began it; others may wait for the same answer. */
  readonly channel: number;
  /** Aborted when the answer is not needed any more: it came from elsewhere, or its time is over. */
  readonly signal: AbortSignal;
}

/** True lets in; false, and a promise that is rejected, refuses. */
export type AccessDecision = (request: AccessRequest) => boolean | Promise<boolean>;

export interface AgentOptions {
  /** Where log lines go: `console`, a pino logger, or functions of yours. By default warnings go to standard error; `null`: nowhere. */
  readonly log?: Log | ConsoleLog | null;
  /** Asks for consent with mode `consent`, in the place of a program. `access.askTimeout` is its time limit. */
  readonly access?: AccessDecision;
  /** Decides about each connection, before the rule of `access`. `access.askTimeout` is its time limit; then it refuses. */
  readonly admit?: AccessDecision;
  /** The agent is stopped when it is aborted. */
  readonly signal?: AbortSignal;
}

const allowed = ['log', 'access', 'admit', 'signal'];

/** Takes the options apart; what is wrong with them is one line for each reason. */
export function checkOptions(given: unknown): { readonly log: Log; readonly faults: readonly string[] } {
  if (given !== undefined && (typeof given !== 'object' || given === null)) {
    return { log: silent, faults: ['options: needed is an object'] };
  }
  const options: AgentOptions = given ?? {};
  const faults: string[] = [];
  for (const key of Object.keys(options)) {
    if (!allowed.includes(key)) faults.push(`options.${key}: unknown, allowed are ${allowed.join(', ')}`);
  }
  for (const key of ['access', 'admit'] as const) {
    const value: unknown = options[key];
    if (value !== undefined && typeof value !== 'function') {
      faults.push(`options.${key}: found ${value === null ? 'null' : typeof value}, allowed is a function`);
    }
  }
  const { signal } = options;
  if (
    signal !== undefined &&
    typeof (signal as Partial<AbortSignal> | null)?.addEventListener !== 'function'
  ) {
    faults.push('options.signal: allowed is an AbortSignal');
  }
  const log = logOf(options.log);
  if (typeof log === 'string') faults.push(`options.log: ${log}`);
  return { log: typeof log === 'string' ? silent : log, faults };
}
