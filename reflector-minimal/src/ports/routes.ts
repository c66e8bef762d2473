import type { IncomingHttpHeaders } from 'node:http';
import type { Look } from '../http/look.ts';
import type { Origin } from '../http/origin.ts';
import type { Refusal } from '../http/refusal.ts';
import type { CredentialKind, Identity, Session } from './identity.ts';
import type { UserRecord } from './store.ts';

/*
 * Routes: pages and interfaces on the reflector's own host. You write what a route answers; the core decides who may call
 * it, from where, how much it may send, and what the browser may do with the answer. The rules are in
 * `docs/ports/routes.md`, and `ports/conformance/routes.ts` checks them. Today's adapter is `routing/own-routes.ts`.
 */

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** The fields of a form or of a query. */
export type Form = Pick<URLSearchParams, 'get' | 'getAll' | 'has'>;

/** What the head of a request to a route says. */
export interface CallHead {
  /** The target as it was sent. */
  readonly target: string;
  readonly query: Form;
  /** What stands for each `*` of the route, percent-encoded as it was sent. */
  readonly parameters: readonly string[];
  readonly origin: Origin;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  /** How a page in the answer looks; give it to {@link page}. */
  readonly look: Look;
  /** The caller has gone away: nobody will see the answer. */
  readonly gone: boolean;
  /** Aborted when the caller has gone away, or has lost access, or the reflector stops. */
  readonly signal: AbortSignal;
}

/** One request to a route. */
export interface Call extends CallHead {
  readonly method: Method;
  /**
   * The fields of the body, `application/x-www-form-urlencoded`. What is of another type, longer than `limits.formBytes`, or
   * slower than `limits.formMs` is refused by the core: then the promise rejects, and you let it.
   */
  form(): Promise<Form>;
  /** The body, of this media type in lower case and at most so many bytes; otherwise as {@link form}. */
  body(type: string, maxBytes: number): Promise<Buffer>;
  /** The value of a body of type `application/json`; what is not JSON gets 400. Otherwise as {@link body}. */
  json(maxBytes: number): Promise<unknown>;
  /**
   * The body in pieces, as it comes: the caller is read only as fast as you ask for them. The bounds are those of
   * {@link body}, but for the time: a large body may take as long as it moves.
   */
  stream(type: string, maxBytes: number): AsyncIterable<Buffer>;
}

/** A call of a browser. */
export interface BrowserCall extends Call {
  /** Who is logged in in this browser, by its cookie; `null`: nobody. */
  session(): Promise<Identity | null>;
  /**
   * Logs this browser in as this user of the store, whom you have proven otherwise: give the cookies to the answer. Ends the
   * session that was there. `by` is for the audit log, such as `oidc`. `null` when the user was removed or changed meanwhile.
   */
  logIn(
    user: UserRecord,
    by: string,
  ): Promise<{ readonly cookies: readonly string[]; readonly session: Session } | null>;
}

/** A call of somebody who is logged in. */
export interface UserCall extends Call {
  readonly identity: Identity;
  /**
   * After a change of this user that has ended the sessions, such as a second factor that the caller has just shown: a new session for
   * the browser that the call came from. Give the cookies to the answer. `null` where the call did not come by the cookie of this
   * user's session, or when the user was removed or changed meanwhile.
   */
  logInAgain(
    user: UserRecord,
  ): Promise<{ readonly cookies: readonly string[]; readonly session: Session } | null>;
}

/**
 * What may be loaded from the reflector's own host by a page. `data-img` goes with `img`: images that scripts of the page make,
 * in `data:` addresses.
 */
export type Source = 'connect' | 'data-img' | 'font' | 'img' | 'manifest' | 'script' | 'style' | 'worker';

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
  /**
   * A page of the reflector's host may show pages of the host apart in frames, and a page there may be shown so: by pages of
   * `<domain>`, over the same port. Nothing by default.
   */
  readonly framed?: boolean;
}

/**
 * An answer that comes in pieces, for as long as the caller is there and has access. A piece is asked for when the caller
 * has taken those before; look at `call.signal` while you wait for the next one. When it throws, the answer is cut, so that it does
 * not look whole.
 */
export interface StreamedAnswer extends Omit<Answer, 'body'> {
  readonly stream: AsyncIterable<string | Uint8Array>;
}

/** `null`: the caller has gone away. */
type Result = Answer | Refusal | null;

/** Where a route is. */
interface Place {
  /**
   * Begins with `/`. A segment `*` stands for any one that is not empty. The last one may be `**`: it stands for everything for
   * which there is no other route, whatever its method.
   */
  readonly path: string;
}

interface Endpoint<Who extends Call, Given = Result> extends Place {
  readonly methods: readonly Method[];
  readonly answer: (call: Who) => Given | Promise<Given>;
  /** How refusals look on this route, those of the core too; by default a page or one line of text. */
  readonly refuse?: (refusal: Refusal) => { readonly type: string; readonly body: string };
  /** What other methods get: 405, or by default what a path gets that does not exist. */
  readonly otherMethods?: 'not allowed';
  /** Takes the place of the reflector's own route with this method and path, if there is one; otherwise two are an error. */
  readonly replaces?: boolean;
}

/** What may be kept apart. */
interface Apart {
  /**
   * On `desk.<domain>`, and not on the host of the reflector: another origin for the browser, which has no cookies of the
   * reflector. For pages whose faults must not reach the others.
   */
  readonly apart?: boolean;
}

/** For everybody. No cookie and no other credentials are looked at. */
export interface OpenRoute extends Endpoint<Call, Result | StreamedAnswer>, Apart {
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
export interface UserRoute extends Endpoint<UserCall, Result | StreamedAnswer>, Proven {
  readonly access: 'user';
}

interface Proven {
  /** By what a caller may be proven: anything by default. Others get 401. */
  readonly proofs?: readonly CredentialKind[];
}

/** A WebSocket (RFC 6455). */
export interface RouteSocket {
  /**
   * Messages in turn, text as a string; ends with the WebSocket. The caller is read only as fast as you ask for them. To be
   * iterated once.
   */
  readonly messages: AsyncIterable<string | Buffer>;
  /**
   * Resolves with true once the message has left, with false when the WebSocket has ended. Wait for that: a caller for whom
   * more than `limits.userQueueBytes` wait is disconnected.
   */
  send(message: string | Uint8Array): Promise<boolean>;
  /** `code` (1000 by default) and `reason` (at most 123 bytes) are those of RFC 6455 section 7.4. Idempotent. */
  close(code?: number, reason?: string): void;
}

interface SocketEndpoint<Who extends CallHead> extends Place {
  /** Those that may be agreed on, the best one first; none by default. */
  readonly subprotocols?: readonly string[];
  /** Longest message that the caller may send; a longer one ends the WebSocket with 1009. */
  readonly maxMessageBytes: number;
  /** Bytes that may come until the first message is there, by which the caller proves something; more end the WebSocket with 1009. */
  readonly firstBytes?: number;
  /** The WebSocket ends when this is over: with 1000, or with 1011 when it throws. */
  readonly connect: (socket: RouteSocket, call: Who) => void | Promise<void>;
}

/** A TCP connection to a port of a device, for the page at the other end of a route's WebSocket. */
export interface PortRequest {
  /** Of the user, whom you have proven: such as who asked for a ticket a moment ago. */
  readonly identity: Identity;
  /** ID of the device. */
  readonly device: string;
  /** 1 to 65535. */
  readonly port: number;
  /** That of the WebSocket. */
  readonly call: CallHead;
}

/**
 * Joins the WebSocket to the port: from then on its binary messages are the bytes of the connection, an empty one is its end in that direction
 * (`webtunnel.md` sections 4 and 5), and its messages are not yours any more. The rules are those of every other way to a device: the
 * user must see the device and may open the port, is counted, is in the audit log, and is cut off within `limits.storePollMs`
 * of losing access (1008). Resolves with `null` when it is over, or with why there is no connection; the WebSocket is
 * yours then, to say so. Give the route a `maxMessageBytes` of `limits.clientMessageBytes`.
 */
export type OpenPort = (socket: RouteSocket, request: PortRequest) => Promise<Refusal | null>;

/** A TCP connection to a port of a device whose bytes a route reads and writes itself. */
export interface PortConnection {
  /** In pieces, as fast as you ask for them; ends when the device sends no more, or the connection is over. Once, at most. */
  read(): AsyncIterable<Buffer>;
  /** Resolves with true when the tunnel has taken them, with false when the connection is over. */
  write(bytes: Uint8Array): Promise<boolean>;
  /** What was written still goes. Idempotent. */
  close(): void;
}

/** Who gets it. */
export interface PortUser {
  connected(connection: PortConnection): void;
  /**
   * The connection is over because the user has lost access (1008), the device has cut it or is off line (1011), or the reflector stops
   * (1001): the close code for whoever is told.
   */
  cut(code: number): void;
}

/**
 * The same for a route that speaks with the device itself, for the user at the other end of its WebSocket, which stays the route's. When
 * `call.signal` is aborted, take leave of the device and close the connection; `limits.leftoverMs` later it is reset.
 */
export type DialPort = (socket: RouteSocket, request: PortRequest, user: PortUser) => Promise<Refusal | null>;

/** A WebSocket for everybody: no cookie and no other credentials are looked at. */
export interface OpenSocketRoute extends SocketEndpoint<CallHead>, Apart {
  readonly access: 'anyone';
}

/** A WebSocket for those who are logged in. It is counted and in the audit log as calls are, and ends with access (1008). */
export interface UserSocketRoute extends SocketEndpoint<CallHead & Pick<UserCall, 'identity'>>, Proven {
  readonly access: 'user';
}

export type SocketRoute = OpenSocketRoute | UserSocketRoute;

export type Route = OpenRoute | BrowserRoute | UserRoute | SocketRoute;
