import type { HttpUri } from 'rm-protocol';
import { describeProxy, type Route } from '../dial/proxy-server.ts';
import type { StepFailure } from './steps.ts';

/** A reflector and one way to it. */
export interface Candidate {
  readonly uri: HttpUri;
  readonly route: Route;
  /** Whether there were several ways, so that messages must say which was taken. */
  readonly oneOfMany: boolean;
}

/**
 * What one attempt tries, in order: each reflector by each way to it. What has been learned on the way is used: a proxy
 * that does not work is not asked for the next reflector, and a reflector that has answered is not asked by other ways.
 */
export class Candidates {
  readonly #routes: (uri: HttpUri) => readonly Route[];
  #left: Candidate[];
  readonly #uselessProxies = new Set<Route>();

  constructor(reflectors: readonly HttpUri[], routes: (uri: HttpUri) => readonly Route[]) {
    this.#routes = routes;
    this.#left = reflectors.flatMap((uri) => this.#waysTo(uri));
  }

  /** The next candidate, or `null` when none is left. */
  next(): Candidate | null {
    const candidate = this.#left.shift();
    if (!candidate) return null;
    return this.#uselessProxies.has(candidate.route) ? this.next() : candidate;
  }

  proxyFailed(route: Route): void {
    this.#uselessProxies.add(route);
  }

  /** The reflector has answered: the same way or another, it would be the same. */
  settled({ uri }: Candidate): void {
    this.#left = this.#left.filter((candidate) => candidate.uri !== uri);
  }

  /** The reflector of `from` has named another in its place. */
  redirected(from: Candidate, to: HttpUri): void {
    this.settled(from);
    this.#left.unshift(...this.#waysTo(to));
  }

  #waysTo(uri: HttpUri): Candidate[] {
    const routes = [...new Set(this.#routes(uri))];
    return routes.map((route) => ({ uri, route, oneOfMany: routes.length > 1 }));
  }
}

/** Names the way of a candidate behind a message, where that is not clear without. */
export function bySameWay(message: string, { route, oneOfMany }: Candidate): string {
  if (route) return `${message} (through proxy ${describeProxy(route)})`;
  return oneOfMany ? `${message} (without proxy)` : message;
}

/**
 * One failure for all: each in words, once, as long as `most` characters last. It is a refusal only when everybody has
 * refused, because what was a fault may work again soon.
 */
export function summary(failures: readonly StepFailure[], last: StepFailure, most: number): StepFailure {
  const asked = failures.map(({ askedMs }) => askedMs ?? -1);
  return {
    step: last.step,
    kind: failures.every(({ kind }) => kind === 'refusal') ? 'refusal' : 'fault',
    message: reasons(failures, most),
    askedMs: Math.max(...asked) < 0 ? null : Math.max(...asked),
  };
}

/** What has failed, each in words, once, in one line of about `most` characters. */
export function reasons(failures: readonly StepFailure[], most: number): string {
  const messages = [...new Set(failures.map(({ message }) => message))];
  let text = '';
  for (const [index, message] of messages.entries()) {
    const next = index === 0 ? cut(message, most) : `${text}; ${message}`;
    if (next.length > most) return `${text}; and ${messages.length - index} more`;
    text = next;
  }
  return text;
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
