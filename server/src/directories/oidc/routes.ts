import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { Reflector } from 'rm-reflector';
import type { Answer, BrowserCall, Call, Refusal, Route, Store } from 'rm-reflector/ports';
import type { Limits } from '../../limits.ts';
import { grantsOf } from '../members/grant-rules.ts';
import type { Members } from '../members/members.ts';
import { Turnstile } from '../members/turnstile.ts';
import { userName } from '../members/user-name.ts';
import { type BegunLogIn, clearAttempt, readAttempt, setAttempt } from './attempt-cookie.ts';
import { type LogOut, NotProven, type Provider, ProviderUnavailable } from './provider.ts';
import type { ProviderSessions } from './provider-sessions.ts';
import type { Sealed } from './sealed.ts';
import { byOf, callbackPath, logOutPath, sourceOf, startPath } from './settings.ts';

export interface ProviderRoutesContext {
  readonly store: Pick<Store, 'sessions'>;
  readonly members: Pick<Members, 'admit'>;
  readonly sessions: ProviderSessions;
  /** Opens and closes what the browser keeps in between. */
  readonly sealed: () => Promise<Sealed>;
  readonly audit: Reflector['audit'];
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: Limits;
}

/** The way to a provider, the way back, and the log-out by the back channel. */
export function providerRoutes(provider: Provider, context: ProviderRoutesContext): readonly Route[] {
  const { id } = provider.settings;
  const routes = new ProviderRoutes(provider, context);
  return [
    {
      access: 'browser',
      methods: ['GET'],
      path: startPath(id),
      answer: (call) => routes.begin(call),
    },
    {
      access: 'browser',
      methods: ['GET'],
      path: callbackPath(id),
      answer: (call) => routes.finish(call),
    },
    {
      access: 'anyone',
      methods: ['POST'],
      path: logOutPath(id),
      answer: (call) => routes.logOut(call),
    },
  ];
}

class ProviderRoutes {
  readonly #provider: Provider;
  readonly #context: ProviderRoutesContext;
  readonly #turnstile: Turnstile;

  constructor(provider: Provider, context: ProviderRoutesContext) {
    this.#provider = provider;
    this.#context = context;
    this.#turnstile = new Turnstile(context.limits.oidcAtOnce, context.limits.oidcWaiting);
  }

  /** Sends the browser to the provider. Nothing is changed but what this browser keeps. */
  async begin(call: BrowserCall): Promise<Answer | Refusal> {
    const { clock, limits, sealed } = this.#context;
    const { id } = this.#provider.settings;
    try {
      const { url, attempt } = await this.#provider.begin();
      const next = call.query.get('next');
      const begun: BegunLogIn = {
        ...attempt,
        next: next !== null && next.length <= limits.nextLength ? next : null,
        expires: clock.date() + limits.oidcLogInMs,
      };
      const cookie = setAttempt(id, begun, await sealed(), isSecure(call), limits.oidcLogInMs);
      return { status: 303, headers: { Location: url.href }, cookies: [cookie] };
    } catch (error) {
      return this.#failed(call, error);
    }
  }

  /** The browser is back. */
  async finish(call: BrowserCall): Promise<Answer | Refusal | null> {
    const { clock, sealed } = this.#context;
    const { id, name } = this.#provider.settings;
    const begun = readAttempt(id, call.headers, await sealed(), isSecure(call), clock.date());
    if (!begun) {
      return {
        status: 403,
        error: `This log-in with ${name} was not begun in this browser, or too long ago`,
        advice: 'Start again',
        link: '/log-in',
      };
    }
    try {
      const query = call.target.slice(call.target.indexOf('?') + 1);
      const answer = await this.#turnstile.pass(() => this.#logIn(call, query, begun));
      return answer && { ...answer, cookies: [...(answer.cookies ?? []), clearAttempt(id, isSecure(call))] };
    } catch (error) {
      return this.#failed(call, error);
    }
  }

  async #logIn(call: BrowserCall, query: string, begun: BegunLogIn): Promise<Answer | null> {
    const { members, sessions, clock, store } = this.#context;
    const { settings } = this.#provider;
    const person = await this.#provider.finish(query, begun);
    const name = person.name === null ? null : userName(person.name);
    if (name === null) throw new NotProven(`the claim ${settings.nameClaim} is no name of a user`);
    const user = await members.admit({
      source: sourceOf(settings.id),
      id: person.subject,
      name,
      login: name,
      grants: grantsOf(settings.grants, person.groups),
      until: clock.date() + settings.membershipMs,
    });
    if ('refused' in user) throw new NotProven(user.refused);
    if (call.gone) return null;
    const entered = await call.logIn(user, byOf(settings.id));
    if (!entered) throw new NotProven('the account was changed meanwhile');
    const { hash } = entered.session;
    try {
      await sessions.note(hash, settings.id, person);
    } catch (error) {
      // No log-out of the provider would end it.
      await store.sessions.remove(hash);
      throw error;
    }
    // The log-in page checks where it leads to.
    const next = begun.next === null ? '/log-in' : `/log-in?next=${encodeURIComponent(begun.next)}`;
    return { status: 303, headers: { Location: next }, cookies: entered.cookies };
  }

  /** Of the provider's server, not of a browser: what counts is the signature (Back-Channel Logout 1.0 section 2.8). */
  async logOut(call: Call): Promise<Answer> {
    const { id } = this.#provider.settings;
    const token = (await call.form()).get('logout_token') ?? '';
    const { address } = call.origin;
    try {
      await this.#turnstile.pass(() =>
        this.#provider.logOut(token, (about) => this.#endSessions(about, address)),
      );
      return { status: 200 };
    } catch (error) {
      const away = !(error instanceof NotProven);
      this.#context.log.warn({ provider: id, reason: reasonOf(error) }, 'log-out by the provider refused');
      return {
        status: away ? 503 : 400,
        type: 'application/json',
        body: JSON.stringify({ error: away ? 'temporarily_unavailable' : 'invalid_request' }),
      };
    }
  }

  /** `address`: of the provider's server. */
  async #endSessions(about: LogOut, address: string): Promise<void> {
    const { sessions, store, audit } = this.#context;
    const { id } = this.#provider.settings;
    for (const hash of await sessions.of(id, about)) {
      const session = await store.sessions.get(hash);
      await store.sessions.remove(hash);
      audit.record({ event: 'log-out', allowed: true, user: session?.user ?? '', by: byOf(id), address });
    }
  }

  #failed(call: BrowserCall, error: unknown): Refusal {
    const { audit, log } = this.#context;
    const { id, name } = this.#provider.settings;
    const reason = reasonOf(error);
    const { address } = call.origin;
    audit.count({ event: 'log-in', allowed: false, by: byOf(id), address, reason });
    log.warn({ provider: id, reason }, 'log-in with a provider has failed');
    const again = { advice: 'Back to the log-in', link: '/log-in' };
    if (error instanceof NotProven) {
      return {
        status: 403,
        error: `Your account of ${name} opens nothing here, or the log-in was cancelled`,
        ...again,
      };
    }
    return {
      status: 503,
      error: `${name} cannot be reached just now`,
      headers: { 'Retry-After': '5' },
      ...again,
    };
  }
}

/** Throws what is a fault of our own. */
function reasonOf(error: unknown): string {
  const expected =
    error instanceof NotProven ||
    error instanceof ProviderUnavailable ||
    (error as Error).name.endsWith('Unavailable');
  if (!expected) throw error;
  return (error as Error).message;
}

function isSecure({ origin }: Call): boolean {
  return origin.protocol === 'https';
}
