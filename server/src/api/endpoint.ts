import type { Identity, UserRecord } from 'rm-reflector/ports';
import type { Static, TObject, TSchema } from 'typebox';
import type { Permission, Target } from '../rights/permission.ts';
import type { CallerRights } from '../rights/rights.ts';
import { closed } from './closed.ts';

/** Who calls, by what they may do when their rights were read. */
export interface Caller extends CallerRights {
  readonly identity: Identity;
  /** Name of the user. */
  readonly name: string;
  /** Throws a `Problem` (403) unless {@link may}. */
  require(permission: Permission, target: Target): void;
  /**
   * The same caller by what they may do now: ask it after what takes time, such as the hash of a password. Throws a `Problem` (403)
   * when they were removed, or their key was revoked.
   */
  now(): Promise<Caller>;
}

/** One call, checked against the description of its endpoint. */
export interface EndpointCall<Parameters, Query, Body> {
  readonly caller: Caller;
  readonly parameters: Parameters;
  readonly query: Query;
  readonly body: Body;
  /** Lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** IP address of the caller. */
  readonly address: string;
  /** Aborted when the caller has gone away. */
  readonly signal: AbortSignal;
  /**
   * Throws a `Problem` (412) unless the caller has seen this version of what is to be changed. Call it within the transaction of
   * the change, for endpoints with `conditional`.
   */
  checkVersion(version: number | string): void;
  /** New cookies for the browser that calls, if one does; see `UserCall.logInAgain`. Give them to the reply. */
  logInAgain(user: UserRecord): Promise<readonly string[]>;
  /** For the audit log: what was done, in a few words without secrets. */
  note(detail: string, about?: { readonly device?: string; readonly user?: string }): void;
}

/** What an endpoint answers. */
export interface Reply {
  /** That of the description by default. */
  readonly status?: number;
  /** JSON, or with `type` the text as it is. */
  readonly body?: unknown;
  readonly type?: string;
  /** Of what is shown, for `If-Match`. */
  readonly version?: number | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** `Set-Cookie` lines. */
  readonly cookies?: readonly string[];
  /** In place of a body: pieces as they come. When it throws, the answer is cut. */
  readonly stream?: AsyncIterable<string | Uint8Array>;
}

export interface ReplyDescription {
  readonly status: number;
  readonly description: string;
  /** None: there is no body. */
  readonly schema?: TSchema;
  /** `application/json` by default. */
  readonly type?: string;
}

export interface Endpoint {
  /** Unique: the name of the method in generated clients. */
  readonly operation: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/my-devices/api`, with `{name}` for parameters. */
  readonly path: string;
  /** The section of the reference. */
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: TObject;
  readonly query?: TObject;
  readonly body?: TSchema;
  /** Longest body in bytes; `limits.bodyBytes` by default. */
  readonly maxBodyBytes?: number;
  /** The usual reply first. Problems need not be named, but for those that a caller would handle. */
  readonly replies: readonly [ReplyDescription, ...ReplyDescription[]];
  /** Calls have to carry `If-Match`: what is changed may have been changed by somebody else. */
  readonly conditional?: boolean;
  /**
   * The permission without which the call is refused (403) before it is looked at: it has to be held for something.
   * `own`: whoever is logged in; `nothing`: everybody. The endpoint itself checks for what it is held.
   */
  readonly needs: Permission | 'own' | 'nothing';
  /** Throws a `Problem`. */
  handle(call: EndpointCall<never, never, never>): Promise<Reply> | Reply;
}

type ValueOf<Schema, Otherwise> = Schema extends TSchema ? Static<Schema> : Otherwise;

/** Describes an endpoint for everybody: no credentials are looked at, so its function is not given a caller. */
export function openEndpoint<
  const Parameters extends TObject | undefined = undefined,
  const Query extends TObject | undefined = undefined,
  const Body extends TSchema | undefined = undefined,
>(
  description: Omit<Endpoint, 'parameters' | 'query' | 'body' | 'handle' | 'needs'> & {
    readonly parameters?: Parameters;
    readonly query?: Query;
    readonly body?: Body;
    handle(
      call: Omit<
        EndpointCall<ValueOf<Parameters, object>, ValueOf<Query, object>, ValueOf<Body, undefined>>,
        'caller'
      >,
    ): Promise<Reply> | Reply;
  },
): Endpoint {
  return finished({ ...description, needs: 'nothing' } as unknown as Endpoint);
}

/** Describes an endpoint; the types of what its function is given follow from the schemas. */
export function endpoint<
  const Parameters extends TObject | undefined = undefined,
  const Query extends TObject | undefined = undefined,
  const Body extends TSchema | undefined = undefined,
>(
  description: Omit<Endpoint, 'parameters' | 'query' | 'body' | 'handle'> & {
    readonly parameters?: Parameters;
    readonly query?: Query;
    readonly body?: Body;
    handle(
      call: EndpointCall<ValueOf<Parameters, object>, ValueOf<Query, object>, ValueOf<Body, undefined>>,
    ): Promise<Reply> | Reply;
  },
): Endpoint {
  return finished(description as unknown as Endpoint);
}

function finished(given: Endpoint): Endpoint {
  const { query, body } = given;
  return { ...given, ...(query ? { query: closed(query) } : {}), ...(body ? { body: closed(body) } : {}) };
}
