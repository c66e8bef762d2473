import type { Logger } from 'pino';
import {
  type Answer,
  type AuditRecord,
  type Call,
  type Identity,
  type Route,
  StoreUnavailable,
  type StreamedAnswer,
  UnstorableText,
  type UserCall,
} from 'rm-reflector/ports';
import type { Limits } from '../limits.ts';
import type { Permission, Target } from '../rights/permission.ts';
import type { Rights } from '../rights/rights.ts';
import type { CallRate } from './call-rate.ts';
import type { Caller, Endpoint, EndpointCall, Reply } from './endpoint.ts';
import type { Idempotency } from './idempotency.ts';
import type { LoopTurns } from './loop-turns.ts';
import { forbidden, Problem, problemType } from './problem.ts';
import { validator } from './validation.ts';

export const basePath = '/my-devices/api';

export interface ApiContext {
  readonly rights: Rights;
  readonly rate: CallRate;
  readonly turns: LoopTurns;
  readonly idempotency: Idempotency;
  readonly audit: { record(record: AuditRecord): void };
  readonly log: Logger;
  readonly limits: Limits;
}

/** The endpoints as routes of the reflector, which decides who calls. */
export function apiRoutes(context: ApiContext, endpoints: readonly Endpoint[]): Route[] {
  const described = endpoints.map((description): Route => {
    const path = `${basePath}${description.path}`;
    const run = prepared(context, description);
    const common = {
      methods: description.method === 'GET' ? (['GET', 'HEAD'] as const) : ([description.method] as const),
      path: path.replaceAll(/\{[^}]+\}/g, '*'),
      otherMethods: 'not allowed' as const,
      // The reflector has a small API of its own.
      replaces: true,
      refuse: refused,
    };
    return description.needs === 'nothing'
      ? { ...common, access: 'anyone', answer: (call) => run(call, null) }
      : { ...common, access: 'user', answer: (call) => run(call, call.identity) };
  });
  return [...described, nothingHere];
}

/** What has no description is refused as an endpoint refuses. */
const nothingHere: Route = {
  access: 'user',
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
  path: `${basePath}/**`,
  refuse: refused,
  answer: () =>
    new Problem(404, 'Not found', { detail: `there is no such call: see ${basePath}/openapi.json` }).answer(),
};

/** What the reflector itself refuses, on a route of the API. */
export function refused({ status, error, advice }: { status: number; error: string; advice?: string }) {
  return { type: problemType, body: JSON.stringify({ title: error, status, detail: advice }) };
}

/** Throws a `Problem` where a user calls too often. */
export function countCall(rate: CallRate, { user }: Identity): void {
  const wait = rate.take(user.name);
  if (wait === null) return;
  const headers = { 'Retry-After': String(wait) };
  throw new Problem(429, 'Too many calls', { detail: `call again in ${wait} s`, headers });
}

type Run = (call: Call | UserCall, identity: Identity | null) => Promise<Answer | StreamedAnswer>;

function prepared(context: ApiContext, description: Endpoint): Run {
  const names = [...description.path.matchAll(/\{([^}]+)\}/g)].map(([, name = '']) => name);
  const checks = {
    path: description.parameters && validator<object>(description.parameters, 'path'),
    query: validator<object>(description.query ?? { type: 'object', additionalProperties: false }, 'query'),
    body: description.body && validator<unknown>(description.body, 'body'),
  };
  const { limits, rate, turns, idempotency, audit, log } = context;

  const permitted = async (identity: Identity | null): Promise<Caller | null> => {
    const caller = identity && (await callerNow(context.rights, identity));
    const { needs } = description;
    if (needs !== 'own' && needs !== 'nothing' && !caller?.any(needs)) throw forbidden(needs);
    return caller;
  };

  const read = async (call: Call, identity: Identity | null) => {
    if (identity !== null) countCall(rate, identity);
    const early = await permitted(identity);
    const parameters = Object.fromEntries(names.map((name, i) => [name, decoded(call.parameters[i] ?? '')]));
    checks.path?.(parameters);
    const query = checks.query(queryOf(call.target));
    const body = checks.body?.(await call.json(description.maxBodyBytes ?? limits.bodyBytes));
    // A body may take `formMs` to come: what was taken from the caller meanwhile counts no more.
    const caller = checks.body ? await permitted(identity) : early;
    return { caller, parameters, query, body };
  };

  const handle = async (
    call: Call | UserCall,
    identity: Identity | null,
    given: Awaited<ReturnType<typeof read>>,
  ) => {
    const ifMatch = singleHeader(call, 'if-match');
    if (description.conditional && ifMatch === null) {
      const detail = 'If-Match: must be the ETag of what you have read, or * to change it whatever it is now';
      throw new Problem(428, 'This call needs a condition', { detail });
    }
    const notes: Partial<AuditRecord>[] = [];
    const endpointCall: EndpointCall<unknown, unknown, unknown> = {
      ...given,
      caller: given.caller as Caller,
      headers: call.headers,
      address: call.origin.address,
      get signal() {
        return call.signal;
      },
      checkVersion: (version) => checkVersion(ifMatch, version),
      logInAgain: async (user) => ('identity' in call ? ((await call.logInAgain(user))?.cookies ?? []) : []),
      note: (detail, about = {}) => notes.push({ detail, ...about }),
    };
    try {
      return answerOf(
        description,
        await description.handle(endpointCall as EndpointCall<never, never, never>),
      );
    } finally {
      // What was done is recorded also when something after it has failed.
      for (const note of notes) {
        const by = identity ? { by: identity.by, operator: identity.key } : {};
        audit.record({
          event: description.operation,
          allowed: true,
          address: call.origin.address,
          ...(identity ? { user: identity.user.name } : {}),
          ...by,
          ...note,
        });
      }
    }
  };

  return async (call, identity) => {
    // Whoever is not logged in is known by the address only.
    await turns.next(identity ? `user ${identity.user.name}` : `address ${call.origin.address}`);
    try {
      const given = await read(call, identity);
      const key = description.method === 'POST' && identity ? singleHeader(call, 'idempotency-key') : null;
      if (key === null || identity === null) return await handle(call, identity, given);
      // What one API key was answered, such as a password, is not for another one of the same user.
      const { operation } = description;
      const whole = JSON.stringify([
        operation,
        identity.key ?? null,
        given.parameters,
        given.query,
        given.body,
      ]);
      return await idempotency.once(identity.user.name, key, whole, async () => {
        const answer = await handle(call, identity, given);
        if ('stream' in answer)
          throw new Error(`${description.operation}: a streamed answer cannot be given again`);
        return answer;
      });
    } catch (error) {
      if (error instanceof Problem) return error.answer();
      if (error instanceof StoreUnavailable) {
        log.warn({ code: error.code }, error.message);
        const headers = { 'Retry-After': '5' };
        return new Problem(503, 'The store cannot be used just now', { headers }).answer();
      }
      if (error instanceof UnstorableText) {
        const detail = 'a text has a NUL character, which the database does not keep';
        return new Problem(422, 'A value cannot be used', { detail }).answer();
      }
      throw error;
    }
  };
}

/** Whoever has proven this identity, by what they may do now. Throws a `Problem` (403). */
export async function callerNow(rights: Pick<Rights, 'now'>, identity: Identity): Promise<Caller> {
  const present = await rights.now(identity);
  if (!present) {
    const detail = 'your account or your API key has ended during this call';
    throw new Problem(403, 'You may not do this', { detail });
  }
  const held = present.rights;
  return {
    ...held,
    identity: present.identity,
    name: identity.user.name,
    require(permission: Permission, target: Target) {
      if (!held.may(permission, target)) throw forbidden(permission);
    },
    now: () => callerNow(rights, identity),
  };
}

/** Fields of a query; one that comes several times is an array. Without a prototype: the names are the caller's. */
export function queryOf(target: string): Record<string, string | string[]> {
  const at = target.indexOf('?');
  const fields = new URLSearchParams(at < 0 ? '' : target.slice(at + 1));
  const query: Record<string, string | string[]> = Object.create(null);
  for (const name of new Set(fields.keys())) {
    const values = fields.getAll(name);
    query[name] = values.length === 1 ? (values[0] ?? '') : values;
  }
  return query;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Problem(400, 'The call does not fit its description', {
      detail: 'the path is not percent-encoded UTF-8',
    });
  }
}

function singleHeader({ headers }: Call, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' ? value : null;
}

/** A version as an entity tag (RFC 9110 section 8.8.3). */
export function entityTag(version: number | string): string {
  return `"${version}"`;
}

function checkVersion(ifMatch: string | null, version: number | string): void {
  if (ifMatch === null || ifMatch.trim() === '*') return;
  if (ifMatch.split(',').some((tag) => tag.trim() === entityTag(version))) return;
  throw new Problem(412, 'It was changed since you have read it', {
    detail: `it is ${entityTag(version)} now: read it again`,
    headers: { ETag: entityTag(version) },
  });
}

function answerOf(description: Endpoint, reply: Reply): Answer | StreamedAnswer {
  const status = reply.status ?? description.replies[0].status;
  const described = description.replies.find((one) => one.status === status);
  const type = reply.type ?? described?.type ?? 'application/json';
  const headers = {
    ...(reply.version === undefined ? {} : { ETag: entityTag(reply.version) }),
    ...reply.headers,
  };
  const { cookies = [] } = reply;
  if (reply.stream) return { status, type, headers, cookies, stream: reply.stream };
  if (reply.body === undefined) return { status, headers, cookies };
  const json = reply.type === undefined && (described?.type === undefined || typeof reply.body !== 'string');
  return { status, type, headers, cookies, body: json ? JSON.stringify(reply.body) : (reply.body as string) };
}
