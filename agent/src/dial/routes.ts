import type { HttpUri } from 'rm-protocol';
import { describeProxy, type ProxyServer } from './proxy-server.ts';
import type { StepFailure } from './steps.ts';

/** A way to a reflector: through a proxy, or directly. */
export interface Route {
  readonly uri: HttpUri;
  /** `null`: none. */
  readonly proxy: ProxyServer | null;
  /** Whether the reflector has other routes, so that messages must say which was taken. */
  readonly oneOfSeveral: boolean;
}

/**
 * What one attempt tries, in order: each reflector by each route to it. A proxy that does not work is not asked for the
 * next reflector, and a reflector that has answered is not asked by other routes.
 */
export class RouteList {
  readonly #proxiesFor: (uri: HttpUri) => readonly (ProxyServer | null)[];
  #left: Route[];
  readonly #failedProxies = new Set<ProxyServer | null>();

  constructor(reflectors: readonly HttpUri[], proxiesFor: (uri: HttpUri) => readonly (ProxyServer | null)[]) {
    this.#proxiesFor = proxiesFor;
    this.#left = reflectors.flatMap((uri) => this.#routesTo(uri));
  }

  /** The next route, or `null` when none is left. */
  next(): Route | null {
    const route = this.#left.shift();
    if (!route) return null;
    return this.#failedProxies.has(route.proxy) ? this.next() : route;
  }

  proxyFailed(proxy: ProxyServer | null): void {
    this.#failedProxies.add(proxy);
  }

  /** The reflector has answered, and would answer the same by any route. */
  answered({ uri }: Route): void {
    this.#left = this.#left.filter((route) => route.uri !== uri);
  }

  /** The reflector of `from` has named another in its place. */
  redirected(from: Route, to: HttpUri): void {
    this.answered(from);
    this.#left.unshift(...this.#routesTo(to));
  }

  #routesTo(uri: HttpUri): Route[] {
    const proxies = [...new Set(this.#proxiesFor(uri))];
    return proxies.map((proxy) => ({ uri, proxy, oneOfSeveral: proxies.length > 1 }));
  }
}

/** Names the route behind a message, where that is not clear without. */
export function namingRoute(message: string, { proxy, oneOfSeveral }: Route): string {
  if (proxy) return `${message} (through proxy ${describeProxy(proxy)})`;
  return oneOfSeveral ? `${message} (without proxy)` : message;
}

/**
 * One failure for all, with each reason once, in at most `most` characters. It is a refusal only if all are, because a
 * fault may be over soon.
 */
export function summary(failures: readonly StepFailure[], last: StepFailure, most: number): StepFailure {
  const asked = failures.map(({ retryAfterMs }) => retryAfterMs ?? -1);
  return {
    step: last.step,
    kind: failures.every(({ kind }) => kind === 'refusal') ? 'refusal' : 'fault',
    message: reasons(failures, most),
    retryAfterMs: Math.max(...asked) < 0 ? null : Math.max(...asked),
  };
}

/** Each reason once, in one line of about `most` characters. */
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
