import { hostHeader } from 'rm-protocol';
import { type Authorization, refusedReason } from '../account/authorization.ts';
import type { Route } from '../connection/dial.ts';
import { type Answer, exchange } from '../connection/exchange.ts';
import { proxyFault } from '../connection/proxy-fault.ts';
import { Failure } from '../failure.ts';
import type { Action } from './action.ts';

const basePath = '/my-devices/api';

/** Asks the API of `rm-server`. */
export class Api {
  readonly #route: Route;
  readonly #authorization: Authorization;

  constructor(route: Route, authorization: Authorization) {
    this.#route = route;
    this.#authorization = authorization;
  }

  /** All pages of a list, each with its records; at least one. Rejects with a {@link Failure}. */
  async *pages(path: string, query: Readonly<Record<string, unknown>>): AsyncGenerator<readonly unknown[]> {
    for (let cursor: string | null = null; ; ) {
      const page = (await this.get(path, cursor === null ? query : { ...query, cursor }))
        .value as Page | null;
      if (!Array.isArray(page?.items)) throw new Failure(`${this.#where}: the answer holds no list`);
      yield page.items;
      if (typeof page.next !== 'string') return;
      // A server that gives the same page again would be asked for ever.
      if (page.next === cursor) throw new Failure(`${this.#where}: its list does not end`);
      cursor = page.next;
    }
  }

  /** What is there, and its version. Rejects with a {@link Failure}. */
  async get(
    path: string,
    query: Readonly<Record<string, unknown>> = {},
  ): Promise<{ readonly value: unknown; readonly version: string | null }> {
    const fields = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) fields.append(name, String(value));
    const answer = await this.#ask('GET', fields.size > 0 ? `${path}?${fields}` : path);
    return { value: this.#read(answer), version: answer.headers.etag ?? null };
  }

  /** Changes something; the answer is `undefined` where there is none. Rejects with a {@link Failure}. */
  async change(
    method: Action['method'],
    path: string,
    body: unknown,
    version: string | null,
  ): Promise<unknown> {
    const answer = await this.#ask(method, path, body, version);
    return answer.text === '' ? undefined : this.#read(answer);
  }

  get #where(): string {
    return hostHeader(this.#route.reflector);
  }

  async #ask(
    method: Action['method'],
    path: string,
    body?: unknown,
    version: string | null = null,
  ): Promise<Answer> {
    const answer = await exchange(this.#route, `${basePath}${path}`, {
      method,
      headers: {
        Authorization: this.#authorization.header,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(version === null ? {} : { 'If-Match': version }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw new Failure(`${this.#where}: ${this.#reason(answer)}`);
  }

  #reason(answer: Answer): string {
    const { status, headers } = answer;
    const header = (name: string) => (headers[name] === undefined ? undefined : String(headers[name]));
    if (status === 401) return refusedReason(header('x-authenticate'), this.#authorization);
    if (/^application\/problem\+json/.test(header('content-type') ?? '')) {
      const { title, detail } = Object(this.#read(answer)) as {
        readonly title?: unknown;
        readonly detail?: unknown;
      };
      const texts = [title, detail].filter((text) => typeof text === 'string' && text !== '');
      if (texts.length > 0) return texts.join(': ');
    }
    if (status === 404) return 'does not have this; is it an rm-server?';
    return header('x-ptth-error') ?? proxyFault(status, header) ?? `answered with ${status}`;
  }

  #read({ text }: Answer): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw new Failure(`${this.#where}: the answer is not JSON`);
    }
  }
}

interface Page {
  readonly items?: unknown;
  readonly next?: unknown;
}
