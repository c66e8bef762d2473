import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../../api/paging.ts';
import { matching } from '../../api/pattern.ts';
import { conflict, fieldProblem, notFound } from '../../api/problem.ts';
import { givenTime, shownTime, timeSchema as time } from '../../api/time.ts';
import { domainTarget } from '../../devices/context.ts';
import { domainId, name } from '../../devices/schemas.ts';
import type { EnrolmentContext } from '../context.ts';
import type { EnrolmentKey } from '../enrolment-keys.ts';

const never = Type.Union([time, Type.Null()]);
const uses = Type.Union([Type.Integer({ minimum: 1, maximum: 1_000_000 }), Type.Null()]);

const keySchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  domain: Type.String(),
  prefix: Type.String(),
  approval: Type.Boolean(),
  uses,
  used: Type.Integer(),
  expires: never,
  created: time,
  createdBy: Type.String(),
  lastUsed: never,
});

const isoOrNull = (ms: number | null) => (ms === null ? null : shownTime(ms));

function show({ expires, created, lastUsed, createdByUid: _uid, ...same }: EnrolmentKey) {
  return { ...same, expires: isoOrNull(expires), created: shownTime(created), lastUsed: isoOrNull(lastUsed) };
}

/** `GET /enrolment-keys`. */
export function listEnrolmentKeys({ keys }: EnrolmentContext): Endpoint {
  return endpoint({
    operation: 'listEnrolmentKeys',
    method: 'GET',
    path: '/enrolment-keys',
    tag: 'Enrolment',
    summary: 'Lists enrolment keys, the newest first.',
    query: Type.Object(pageQuery),
    needs: 'enrolment.write',
    replies: [
      { status: 200, description: 'A page of keys, without their texts.', schema: pageOf(keySchema) },
    ],
    async handle({ caller, query: { limit, cursor } }) {
      const extent = caller.extent('enrolment.write');
      const place = readCursor(cursor, 'integer', 'text');
      const after = place && { created: place[0], id: place[1] };
      const rows = await keys.list(extent === null ? null : extent.domains, after, limit + 1);
      return { body: pageFrom(rows, limit, show, (key) => [key.created, key.id]) };
    },
  });
}

/** `POST /enrolment-keys`. */
export function createEnrolmentKey({ core, keys, domains }: EnrolmentContext): Endpoint {
  return endpoint({
    operation: 'createEnrolmentKey',
    method: 'POST',
    path: '/enrolment-keys',
    tag: 'Enrolment',
    summary: 'Makes an enrolment key.',
    description: 'Its text is in this reply only.',
    body: Type.Object({
      name,
      domain: { ...domainId, description: 'The domain of the devices that enrol with it.' },
      prefix: Type.Optional(
        Type.String({
          maxLength: 62,
          ...matching('^[A-Za-z0-9_-]*$', 'must be letters, digits, "-" and "_"'),
          description: 'With which the IDs of the devices begin; by default any ID is allowed.',
        }),
      ),
      approval: Type.Optional(
        Type.Boolean({ description: 'Somebody must accept each device; false by default.' }),
      ),
      uses: Type.Optional({
        ...uses,
        description: 'How many devices it is good for: 1 by default; null: any number.',
      }),
      expires: Type.Optional(
        Type.Union([givenTime, Type.Null()], { description: 'By default in 30 days; null: never.' }),
      ),
    }),
    needs: 'enrolment.write',
    replies: [
      {
        status: 201,
        description: 'The key.',
        schema: Type.Object({ key: keySchema, text: Type.String({ description: 'For the agent.' }) }),
      },
    ],
    async handle({ caller, body, note }) {
      const { domain, prefix = '', approval = false, uses = 1 } = body;
      const target = domainTarget(domain);
      const now = core.clock.date();
      const { enrolmentKeysPerDomain: most } = core.limits;
      const { key, text } = await core.database.transact(function* () {
        if (!caller.may('enrolment.write', target) || !(yield* domains.exists(domain))) {
          throw fieldProblem(
            '/domain',
            `${domain}: there is no such domain, or you may not enrol devices in it`,
          );
        }
        const expires = body.expires === undefined ? now + 30 * 86_400_000 : readExpiry(body.expires);
        if (expires !== null && !(expires > now)) throw fieldProblem('/expires', 'is over already');
        if ((yield* keys.count(domain)) >= most)
          throw conflict(`domain ${domain}: has ${most} enrolment keys, and no more are possible`);
        return yield* keys.create({
          ...{ name: body.name, domain, prefix: prefix.toLowerCase(), approval, uses, expires },
          created: now,
          createdBy: caller.name,
          createdByUid: caller.identity.user.uid,
        });
      });
      note(`key ${key.id}, domain ${domain}, ${uses ?? 'any number of'} devices`);
      return { body: { key: show(key), text } };
    },
  });
}

function readExpiry(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}

/** `DELETE /enrolment-keys/{id}`. */
export function revokeEnrolmentKey({ core, keys }: EnrolmentContext): Endpoint {
  return endpoint({
    operation: 'revokeEnrolmentKey',
    method: 'DELETE',
    path: '/enrolment-keys/{id}',
    tag: 'Enrolment',
    summary: 'Revokes an enrolment key.',
    description: 'Devices that have enrolled with it stay.',
    parameters: Type.Object({ id: Type.String({ minLength: 1, maxLength: 100 }) }),
    needs: 'enrolment.write',
    replies: [{ status: 204, description: 'It counts no more.' }],
    async handle({ caller, parameters: { id }, note }) {
      await core.database.transact(function* () {
        const key = yield* keys.get(id);
        if (!key || !caller.may('enrolment.write', domainTarget(key.domain))) throw notFound(`key ${id}`);
        yield* keys.revoke(id);
      });
      note(`key ${id}`);
      return {};
    },
  });
}
