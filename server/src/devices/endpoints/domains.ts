import { Type } from 'typebox';
import type { Caller, Endpoint } from '../../api/endpoint.ts';
import { endpoint } from '../../api/endpoint.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../../api/paging.ts';
import { conflict, notFound } from '../../api/problem.ts';
import { monthOf } from '../calendar.ts';
import { type DevicesContext, domainTarget } from '../context.ts';
import type { Domain } from '../domains.ts';
import {
  description,
  domainId,
  domainParameters,
  domainSchema,
  name,
  quotaChanges,
  showDomain,
  showTraffic,
  trafficSchema,
} from '../schemas.ts';

const tag = 'Domains';
const shown = { status: 200, description: 'The domain.', schema: domainSchema };

/** The domain of a path that this caller may see. Throws a `Problem` (404). */
async function domainFor({ core, domains }: DevicesContext, caller: Caller, id: string): Promise<Domain> {
  const found = caller.may('domains.read', domainTarget(id))
    ? await domains.get(id, monthOf(core.clock.date()))
    : null;
  if (!found) throw notFound(`domain ${id}`);
  return found;
}

/** `GET /domains`. */
export function listDomains({ core, domains }: DevicesContext): Endpoint {
  return endpoint({
    operation: 'listDomains',
    method: 'GET',
    path: '/domains',
    tag,
    summary: 'Lists domains, with their quotas and what they use.',
    query: Type.Object(pageQuery),
    needs: 'domains.read',
    replies: [{ status: 200, description: 'A page of domains.', schema: pageOf(domainSchema) }],
    async handle({ caller, query }) {
      const [after = ''] = readCursor(query.cursor, 'text') ?? [];
      const among = caller.extent('domains.read')?.domains ?? null;
      const month = monthOf(core.clock.date());
      const rows = await domains.list(among, after, query.limit + 1, month);
      return { body: pageFrom(rows, query.limit, showDomain, ({ id }) => [id]) };
    },
  });
}

/** `GET /domains/{id}`; the original's gateway asks so whether a user may use a domain. */
export function getDomain(context: DevicesContext): Endpoint {
  return endpoint({
    operation: 'getDomain',
    method: 'GET',
    path: '/domains/{id}',
    tag,
    summary: 'Gets a domain, with its quotas and what it uses.',
    parameters: domainParameters,
    needs: 'own',
    replies: [shown],
    async handle({ caller, parameters }) {
      const found = await domainFor(context, caller, parameters.id);
      return { body: showDomain(found), version: found.revision };
    },
  });
}

/** `POST /domains`. */
export function createDomain(context: DevicesContext): Endpoint {
  const { core, domains } = context;
  return endpoint({
    operation: 'createDomain',
    method: 'POST',
    path: '/domains',
    tag,
    summary: 'Adds a domain.',
    body: Type.Object({
      id: domainId,
      name: Type.Optional(name),
      description: Type.Optional(description),
      quotas: Type.Optional(quotaChanges),
    }),
    needs: 'domains.write',
    replies: [{ ...shown, status: 201 }],
    async handle({ caller, body, note }) {
      const { id, ...changes } = body;
      caller.require('domains.write', { kind: 'everything' });
      await core.database.transact(function* () {
        if (!(yield* domains.add(id, core.clock.date()))) throw conflict(`domain ${id}: exists already`);
        yield* domains.change(id, changes);
      });
      note(`domain ${id}`);
      const added = await domainFor(context, caller, id);
      const headers = { Location: `/my-devices/api/domains/${id}` };
      return { body: showDomain(added), version: added.revision, headers };
    },
  });
}

/** `PATCH /domains/{id}`. */
export function changeDomain(context: DevicesContext): Endpoint {
  const { core, domains } = context;
  return endpoint({
    operation: 'changeDomain',
    method: 'PATCH',
    path: '/domains/{id}',
    tag,
    summary: 'Changes a domain and its quotas.',
    description:
      'What is left out stays. A lower quota ends nothing that is there; it counts for what comes. Quotas are set by those who may change all domains.',
    parameters: domainParameters,
    body: Type.Object({
      name: Type.Optional(name),
      description: Type.Optional(description),
      quotas: Type.Optional(quotaChanges),
    }),
    conditional: true,
    needs: 'domains.write',
    replies: [shown],
    async handle({ caller, parameters: { id }, body, checkVersion, note }) {
      await domainFor(context, caller, id);
      caller.require('domains.write', body.quotas ? { kind: 'everything' } : domainTarget(id));
      await core.database.transact(function* () {
        const revision = yield* domains.revision(id);
        if (revision === null) throw notFound(`domain ${id}`);
        checkVersion(revision);
        yield* domains.change(id, body);
      });
      note(`domain ${id}: ${Object.keys(body).join(', ')}`);
      const changed = await domainFor(context, caller, id);
      return { body: showDomain(changed), version: changed.revision };
    },
  });
}

/** `DELETE /domains/{id}`. */
export function deleteDomain(context: DevicesContext): Endpoint {
  const { core, domains } = context;
  return endpoint({
    operation: 'deleteDomain',
    method: 'DELETE',
    path: '/domains/{id}',
    tag,
    summary: 'Removes a domain that has no devices, with what was set up for it.',
    description:
      'Grants for it, enrolment keys, devices that wait for it and webhooks go with it; API keys lose it as a target.',
    parameters: domainParameters,
    conditional: true,
    needs: 'domains.write',
    replies: [{ status: 204, description: 'It is removed.' }],
    async handle({ caller, parameters: { id }, checkVersion, note }) {
      await domainFor(context, caller, id);
      caller.require('domains.write', { kind: 'everything' });
      await core.database.transact(function* () {
        const revision = yield* domains.revision(id);
        if (revision === null) throw notFound(`domain ${id}`);
        checkVersion(revision);
        const count = yield* domains.countDevices(id);
        if (count > 0) throw conflict(`domain ${id}: has devices (${count}); move or remove them first`);
        yield* domains.remove(id);
      });
      await core.eventLog.refresh();
      note(`domain ${id}`);
      return {};
    },
  });
}

/** `GET /domains/{id}/traffic`. */
export function getDomainTraffic(context: DevicesContext): Endpoint {
  return endpoint({
    operation: 'getDomainTraffic',
    method: 'GET',
    path: '/domains/{id}/traffic',
    tag,
    summary: 'Gets the payload of a domain by month (UTC), the latest first.',
    parameters: domainParameters,
    needs: 'domains.read',
    replies: [
      {
        status: 200,
        description: 'Months with traffic.',
        schema: Type.Object({ months: Type.Array(trafficSchema('month')) }),
      },
    ],
    async handle({ caller, parameters }) {
      const { number } = await domainFor(context, caller, parameters.id);
      const months = await context.domains.traffic(number);
      return { body: { months: months.map((one) => showTraffic('month', one)) } };
    },
  });
}
