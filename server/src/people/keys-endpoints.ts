import { Type } from 'typebox';
import { type Caller, type Endpoint, endpoint } from '../api/endpoint.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../api/paging.ts';
import { oneLine } from '../api/pattern.ts';
import { conflict, fieldProblem, notFound, Problem } from '../api/problem.ts';
import { givenTime, orNull, readTimeOrNull, shownTime, shownTimeOrNull, timeSchema } from '../api/time.ts';
import { isKnownDomain, unknownDomain } from '../rights/known-domain.ts';
import { permissions } from '../rights/permission.ts';
import type { KeyTarget } from '../rights/scope.ts';
import type { ApiKey, NewApiKey } from './api-keys.ts';
import { nameSchema } from './name.ts';
import type { PeopleServices } from './services.ts';
import { requireNoMore } from './users-endpoints.ts';

const permissionSchema = Type.Enum(permissions, { type: 'string' });
const targetSchema = Type.Union([
  Type.Object({ domain: Type.String({ minLength: 1, maxLength: 253 }) }),
  Type.Object({ device: Type.String({ minLength: 1, maxLength: 63 }) }),
]);
const keyFields = {
  id: Type.String(),
  user: Type.String(),
  name: Type.String(),
  permissions: Type.Array(permissionSchema, {
    description: 'What it may do, as far as its user may. It opens devices only with devices.open.',
  }),
  targets: Type.Union([Type.Array(targetSchema), Type.Null()], {
    description: 'Domains and devices that it is for; null: whatever its user may.',
  }),
  created: timeSchema,
  expires: orNull(timeSchema),
  used: orNull(timeSchema),
  address: Type.Union([Type.String(), Type.Null()], { description: 'Where it was last used from.' }),
};
const keySchema = Type.Object(keyFields);
const everything = { kind: 'everything' } as const;
const byId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) });

function shownKey(key: ApiKey) {
  const targets = key.targets?.map((target) => ('domain' in target ? target : { device: target.device }));
  return {
    ...key,
    targets: targets ?? null,
    created: shownTime(key.created),
    expires: shownTimeOrNull(key.expires),
    used: shownTimeOrNull(key.used),
  };
}

function expiry({ expires }: Pick<ApiKey, 'expires'>): number {
  return expires ?? Number.POSITIVE_INFINITY;
}

export function keysEndpoints(services: PeopleServices): Endpoint[] {
  const { keys, store, database, people, clock, limits } = services;
  const present = async (caller: Caller, id: string) => {
    const key = await keys.get(id);
    const seen = key && (key.user === caller.name || caller.may('users.read', everything));
    if (!seen) throw notFound(`the key ${id}`);
    return key;
  };
  /** Of others, only who manages users; and nobody gets more out of a key than they hold. */
  const requireOwner = async (caller: Caller, user: string) => {
    if (user !== caller.name) caller.require('users.write', everything);
    await requireNoMore(services, caller, user);
  };
  /** Of a key that is made by a key: what that one may not, its user may get later. */
  const requireNoMoreThanKey = async (caller: Caller, wanted: Omit<NewApiKey, 'user' | 'name'>) => {
    const by = caller.identity.key === undefined ? null : await keys.get(caller.identity.key);
    if (by === null) return;
    const { permissions: given, targets, expires } = wanted;
    if (expiry(by) < expiry({ expires }))
      throw fieldProblem('/expires', 'must not be after the end of the key by which you call');
    if (given.some((one) => !by.permissions.includes(one)))
      throw fieldProblem('/permissions', 'must be permissions of the key by which you call');
    const own = by.targets?.map((one) => JSON.stringify(one));
    if (own && !targets?.every((one) => own.includes(JSON.stringify(one))))
      throw fieldProblem('/targets', 'must be targets of the key by which you call');
  };
  return [
    endpoint({
      operation: 'listKeys',
      method: 'GET',
      path: '/keys',
      tag: 'API keys',
      summary: 'Lists API keys: the own ones, those of a user, or with `all` those of everybody.',
      needs: 'own',
      query: Type.Object({
        ...pageQuery,
        user: Type.Optional(nameSchema),
        all: Type.Optional(Type.Boolean()),
      }),
      replies: [{ status: 200, description: 'A page of keys.', schema: pageOf(keySchema) }],
      async handle({ caller, query: { limit, cursor, user = caller.name, all = false } }) {
        if (all || user !== caller.name) caller.require('users.read', everything);
        const [after = ''] = readCursor(cursor, 'text') ?? [];
        const found = await keys.page(all ? null : user, after, limit + 1);
        return { body: pageFrom(found, limit, shownKey, ({ id }) => [id]) };
      },
    }),
    endpoint({
      operation: 'createKey',
      method: 'POST',
      path: '/keys',
      tag: 'API keys',
      summary: 'Makes an API key. Its secret is shown only now.',
      description:
        'Send it as `Authorization: Bearer`. A key by which you call makes no key that could do more than it can itself.',
      needs: 'own',
      body: Type.Object({
        user: Type.Optional(nameSchema),
        name: Type.String({ minLength: 1, maxLength: 100, ...oneLine('+') }),
        permissions: Type.Array(permissionSchema, { minItems: 1, uniqueItems: true }),
        targets: Type.Optional(Type.Union([Type.Array(targetSchema, { maxItems: 100 }), Type.Null()])),
        expires: Type.Optional(orNull(givenTime)),
      }),
      replies: [
        {
          status: 201,
          description: 'The key with its secret.',
          schema: Type.Object({ ...keyFields, secret: Type.String() }),
        },
      ],
      async handle({ caller, body, note }) {
        const { user = caller.name, name, targets = null } = body;
        const expires = readTimeOrNull('/expires', body.expires);
        if (user !== caller.name && caller.may('users.write', everything) && !(await people.get(user))) {
          throw fieldProblem('/user', 'there is no such user');
        }
        await requireOwner(caller, user);
        if (expires !== null && expires <= clock.date())
          throw fieldProblem('/expires', 'must be in the future');
        const stored: KeyTarget[] = [];
        for (const [i, target] of (targets ?? []).entries()) {
          if ('domain' in target) {
            if (!(await database.transact(() => isKnownDomain(caller, target.domain))))
              throw fieldProblem(`/targets/${i}/domain`, unknownDomain);
            stored.push(target);
          } else {
            const device = await store.devices.identity(target.device);
            if (!device || !caller.may('devices.read', { kind: 'device', device })) {
              throw fieldProblem(`/targets/${i}/device`, 'there is no such device, or you may not see it');
            }
            stored.push({ device: device.id, uid: device.uid });
          }
        }
        const wanted = { permissions: body.permissions, targets: targets === null ? null : stored, expires };
        await requireNoMoreThanKey(caller, wanted);
        const made = await keys.add({ user, name, ...wanted }, caller.identity.key);
        if (made === 'revoked') {
          throw new Problem(403, 'You may not do this', { detail: 'the key by which you call was revoked' });
        }
        if (made === 'taken') throw conflict(`${user} has a key named ${name}`);
        if (made === 'full')
          throw conflict(`${user} has ${limits.keysPerUser} keys, and no more are possible`);
        note(`made the API key ${made.key.id} (${name}) of ${user}: ${body.permissions.join(', ')}`);
        return { status: 201, body: { ...shownKey(made.key), secret: made.secret } };
      },
    }),
    endpoint({
      operation: 'getKey',
      method: 'GET',
      path: '/keys/{id}',
      tag: 'API keys',
      summary: 'Shows an API key without its secret, which is nowhere.',
      needs: 'own',
      parameters: byId,
      replies: [{ status: 200, description: 'The key.', schema: keySchema }],
      async handle({ caller, parameters: { id } }) {
        return { body: shownKey(await present(caller, id)) };
      },
    }),
    endpoint({
      operation: 'revokeKey',
      method: 'DELETE',
      path: '/keys/{id}',
      tag: 'API keys',
      summary: 'Revokes an API key. What goes on by it ends within two seconds.',
      needs: 'own',
      parameters: byId,
      replies: [{ status: 204, description: 'Done.' }],
      async handle({ caller, parameters: { id }, note }) {
        const key = await present(caller, id);
        // A key may always end itself.
        if (key.id !== caller.identity.key) await requireOwner(caller, key.user);
        await keys.revoke(key);
        note(`revoked the API key ${key.id} (${key.name}) of ${key.user}`);
        return {};
      },
    }),
  ];
}
