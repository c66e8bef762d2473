import type { IncomingHttpHeaders } from 'node:http';
import type { Origin } from '../http/origin.ts';
import type { Refusal } from '../http/refusal.ts';
import type { Identity } from './identity.ts';

/*
 * Routes: pages and interfaces on the reflector's own host. You write what a route answers; the core decides who may call
 * it, from where, how much it may send, and what the browser may do with the answer. The rules are in
 * `docs/ports/routes.md`, and `ports/conformance/routes.ts` checks them. Today's adapter is `routing/own-routes.ts`.
 */

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** The fields of a form or of a query. */
export type Form = Pick<URLSearchParams, 'get' | 'getAll' | 'has'>;

/** One request to a route. */
export interface Call {
  readonly method: Method;
  /** The target as it was sent. */
  readonly target: string;
  readonly query: Form;
  /** What stands for each `*` of the route, percent-encoded as it was sent. */
  readonly parameters: readonly string[];
  readonly origin: Origin;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  /** The caller has gone away: nobody will see the answer. */
  readonly gone: boolean;
  /**
   * The fields of the body, `application/x-www-form-urlencoded`. What is of another type, longer than `limits.formBytes`, or
   * slower than `limits.formMs` is refused by the core: then the promise rejects, and you let it.
   */
  form(): Promise<Form>;
  /** The body, of this media type in lower case and at most so many bytes; otherwise as {@link form}. */
  body(type: string, maxBytes: number): Promise<Buffer>;
}

/** A call of a browser. */
export interface BrowserCall extends Call {
  /** Who is logged in in this browser, by its cookie; `null`: nobody. */
  session(): Promise<Identity | null>;
}

/** A call of somebody who is logged in. */
export interface UserCall extends Call {
  readonly identity: Identity;
}

/** What may be loaded from the reflector's own host by a page. */
export type Source = 'connect' | 'font' | 'img' | 'manifest' | 'script' | 'style' | 'worker';

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly body?: string | Uint8Array;
  /** Others than those of the core, which would win; `Set-Cookie` goes to `cookies`. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** `Set-Cookie` lines. */
  readonly cookies?: readonly string[];
  /** Seconds that the browser may keep the answer; 0 by default. */
  readonly maxAge?: number;
  /** Origins to which the forms of a page may lead, besides this host. */
  readonly formTargets?: readonly string[];
  /** What a page loads from this host; nothing by default, and never anything from another host. */
  readonly loads?: readonly Source[];
}

/** `null`: the caller has gone away. */
type Result = Answer | Refusal | null;

interface Endpoint<Who extends Call> {
  readonly methods: readonly Method[];
  /** Begins with `/`. A segment `*` stands for any one that is not empty. */
  readonly path: string;
  readonly answer: (call: Who) => Result | Promise<Result>;
  /** How refusals look on this route, those of the core too; by default a page or one line of text. */
  readonly refuse?: (refusal: Refusal) => { readonly type: string; readonly body: string };
  /** What other methods get: 405, or by default what a path gets that does not exist. */
  readonly otherMethods?: 'not allowed';
}

/** For everybody. No cookie and no other credentials are looked at. */
export interface OpenRoute extends Endpoint<Call> {
  readonly access: 'anyone';
  /** Answers a load balancer: in HTTP/1.1 without `Host` too, and on each name of this host. */
  readonly withoutHost?: boolean;
}

/** For browsers, logged in or not. What is not GET or HEAD must come from a page of this very host. */
export interface BrowserRoute extends Endpoint<BrowserCall> {
  readonly access: 'browser';
}

/**
 * For those who are logged in, in whatever way. What a browser adds by itself counts only for a page of this host, and when
 * somebody follows a link. Each user's calls are counted (`limits.exchangesPerUser`) and in the audit log.
 */
export interface UserRoute extends Endpoint<UserCall> {
  readonly access: 'user';
}

export type Route = OpenRoute | BrowserRoute | UserRoute;
