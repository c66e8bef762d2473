import { Type } from 'typebox';
import { type Caller, type Endpoint, endpoint } from '../../api/endpoint.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../../api/paging.ts';
import { conflict, fieldProblem, notFound, type Problem } from '../../api/problem.ts';
import { shownTime, timeSchema as time } from '../../api/time.ts';
import { domainTarget } from '../../devices/context.ts';
import { domainId } from '../../devices/schemas.ts';
import type { Work } from '../../store/tables.ts';
import { readCode } from '../code.ts';
import type { EnrolmentContext } from '../context.ts';
import type { Enrolment } from '../enrolments.ts';

const enrolmentSchema = Type.Object({
  code: Type.String({ description: 'What the device shows.' }),
  id: Type.String({ description: 'ID that the device wants.' }),
  reason: Type.Union(
    [Type.Literal('unclaimed'), Type.Literal('approval'), Type.Literal('clone'), Type.Literal('taken')],
    {
      description:
        '`unclaimed`: it has no key. `approval`: its key wants it. `clone`: its secret is that of a device on other hardware. `taken`: another device has its ID, which this one would replace.',
    },
  ),
  domain: Type.Union([Type.String(), Type.Null()], { description: 'null: whoever accepts it decides.' }),
  hardware: Type.String({ description: 'Digest of what names its hardware.' }),
  address: Type.String(),
  created: time,
  seen: time,
});

const codeParameters = Type.Object({
  code: Type.String({ minLength: 8, maxLength: 20, description: 'The code, in any spelling.' }),
});

function show({ id, reason, domain, code, hardware, address, created, seen }: Enrolment) {
  return { id, reason, domain, code, hardware, address, created: shownTime(created), seen: shownTime(seen) };
}

function noCode(text: string): Problem {
  return notFound(`code ${text}`);
}

/** Whoever knows the code of a device that belongs nowhere may accept it into a domain of theirs. */
function* enrolmentFor(
  { enrolments }: EnrolmentContext,
  caller: Caller,
  text: string,
): Work<Enrolment & { readonly code: string }> {
  const code = readCode(text);
  const found = code === null ? null : yield* enrolments.waiting(code);
  if (code === null || !found) throw noCode(text);
  const { domain } = found;
  if (found.reason !== 'unclaimed' && domain !== null && !caller.may('enrolment.write', domainTarget(domain)))
    throw noCode(text);
  return { ...found, code };
}

/** `GET /enrolments`. */
export function listEnrolments({ enrolments }: EnrolmentContext): Endpoint {
  return endpoint({
    operation: 'listEnrolments',
    method: 'GET',
    path: '/enrolments',
    tag: 'Enrolment',
    summary: 'Lists the devices that wait to be accepted, the oldest first.',
    description: 'Those that belong to no domain are shown only to those who may enrol devices in all.',
    query: Type.Object(pageQuery),
    needs: 'enrolment.write',
    replies: [{ status: 200, description: 'A page of them.', schema: pageOf(enrolmentSchema) }],
    async handle({ caller, query: { limit, cursor } }) {
      const extent = caller.extent('enrolment.write');
      const place = readCursor(cursor, 'integer', 'text');
      const after = place && { created: place[0], code: place[1] };
      const rows = await enrolments.list(extent === null ? null : extent.domains, after, limit + 1);
      return { body: pageFrom(rows, limit, show, (one) => [one.created, one.code ?? '']) };
    },
  });
}

/** `POST /enrolments/{code}/accept`. */
export function acceptEnrolment(context: EnrolmentContext): Endpoint {
  const { core, enrolments, keys, domains } = context;
  return endpoint({
    operation: 'acceptEnrolment',
    method: 'POST',
    path: '/enrolments/{code}/accept',
    tag: 'Enrolment',
    summary: 'Accepts the device that shows this code.',
    description:
      'It connects when it asks next. A device whose ID another one has replaces that one; a copy with an ID of its own is one device more.',
    parameters: codeParameters,
    body: Type.Object({
      domain: Type.Optional({ ...domainId, description: 'Needed unless the device belongs to one already.' }),
    }),
    needs: 'enrolment.write',
    replies: [
      {
        status: 200,
        description: 'The device.',
        schema: Type.Object({ id: Type.String(), domain: Type.String() }),
      },
    ],
    async handle({ caller, parameters, body, note }) {
      const { found, domain } = await core.database.transact(function* () {
        const found = yield* enrolmentFor(context, caller, parameters.code);
        const domain = found.reason === 'unclaimed' ? (body.domain ?? found.domain) : found.domain;
        if (domain === null) throw fieldProblem('/domain', 'is missing: the device belongs to none');
        if (body.domain !== undefined && body.domain !== domain)
          throw fieldProblem('/domain', `must be left out or ${domain}, where this device belongs`);
        if (!caller.may('enrolment.write', domainTarget(domain)) || !(yield* domains.exists(domain)))
          throw fieldProblem(
            '/domain',
            `${domain}: there is no such domain, or you may not enrol devices in it`,
          );
        if (found.reason === 'approval' && !(yield* keys.use(found.key ?? '', core.clock.date())))
          throw conflict('the enrolment key is used up, has expired, or was revoked');
        if (!(yield* enrolments.accept(found.code, domain, core.clock.date()))) throw noCode(parameters.code);
        return { found, domain };
      });
      note(`${found.reason}, domain ${domain}`, { device: found.id });
      return { body: { id: found.id, domain } };
    },
  });
}

/** `DELETE /enrolments/{code}`. */
export function refuseEnrolment(context: EnrolmentContext): Endpoint {
  const { core, enrolments } = context;
  return endpoint({
    operation: 'refuseEnrolment',
    method: 'DELETE',
    path: '/enrolments/{code}',
    tag: 'Enrolment',
    summary: 'Forgets a device that waits.',
    description: 'If it asks again, it waits with another code.',
    parameters: codeParameters,
    needs: 'enrolment.write',
    replies: [{ status: 204, description: 'It waits no more.' }],
    async handle({ caller, parameters, note }) {
      const found = await core.database.transact(function* () {
        const found = yield* enrolmentFor(context, caller, parameters.code);
        if (!(yield* enrolments.refuse(found.code))) throw noCode(parameters.code);
        return found;
      });
      note('refused', { device: found.id });
      return {};
    },
  });
}
