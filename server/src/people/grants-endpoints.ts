import { Type } from 'typebox';
import { type Caller, type Endpoint, endpoint } from '../api/endpoint.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../api/paging.ts';
import { matching } from '../api/pattern.ts';
import { conflict, fieldProblem, forbidden, notFound, Problem } from '../api/problem.ts';
import { givenTime, orNull, readTimeOrNull, shownTime, shownTimeOrNull, timeSchema } from '../api/time.ts';
import { isKnownDomain, unknownDomain } from '../rights/known-domain.ts';
import type { Target } from '../rights/permission.ts';
import { permissionsOf, roles } from '../rights/role.ts';
import { notHeld } from '../rights/within.ts';
import type { Grant } from './grants.ts';
import { nameSchema, versionOf } from './name.ts';
import type { PeopleServices } from './services.ts';

const roleSchema = Type.Enum(roles, {
  description:
    'administrator: everything, also users and grants; operator: manages devices; user: opens devices; auditor: reads.',
});
const portSchema = Type.Union([Type.Literal('web'), Type.Integer({ minimum: 1, maximum: 65_535 })], {
  type: ['string', 'integer'],
});
const portsSchema = Type.Union([
  Type.Array(portSchema, { minItems: 1, maxItems: 64, uniqueItems: true }),
  Type.Null(),
]);
const optionalText = Type.Union([Type.String(), Type.Null()]);
const grantSchema = Type.Object({
  id: Type.String(),
  user: optionalText,
  group: optionalText,
  role: roleSchema,
  domain: optionalText,
  device: optionalText,
  ports: Type.Union([Type.Array(portSchema), Type.Null()], {
    description: 'Ports of devices that may be opened, `web` for the web interface; null: all.',
  }),
  until: orNull(timeSchema),
  created: timeSchema,
  createdBy: Type.String(),
});
const byId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) });
const domainSchema = Type.String({
  minLength: 1,
  maxLength: 253,
  ...matching('^[^\\s\\p{Cc}]+$', 'must have no spaces and control characters'),
});
const deviceSchema = Type.String({ minLength: 1, maxLength: 63 });

function shownGrant(grant: Grant) {
  return { ...grant, created: shownTime(grant.created), until: shownTimeOrNull(grant.until) };
}

export function grantsEndpoints({
  database,
  grants,
  store,
  people,
  groups,
  clock,
  limits,
}: PeopleServices): Endpoint[] {
  const targetOf = async ({ domain, device }: Pick<Grant, 'domain' | 'device'>): Promise<Target | null> => {
    if (device === null) return domain === null ? { kind: 'everything' } : { kind: 'domain', domain };
    const found = await store.devices.identity(device);
    return found && { kind: 'device', device: found };
  };
  const mayRead = async (caller: Caller, grant: Grant) => {
    if (grant.user === caller.name || caller.may('users.read', { kind: 'everything' })) return true;
    const target = await targetOf(grant);
    return target !== null && caller.may('grants.write', target);
  };
  const present = async (caller: Caller, id: string) => {
    const grant = await grants.get(id);
    if (!grant || !(await mayRead(caller, grant))) throw notFound(`the grant ${id}`);
    return grant;
  };
  /** Nobody takes away what they do not hold themselves. */
  const requireHeld = (caller: Caller, { role }: Pick<Grant, 'role'>, target: Target) => {
    caller.require('grants.write', target);
    const missing = [...permissionsOf[role]].find((permission) => !caller.may(permission, target));
    if (missing) throw forbidden(missing);
  };
  /** Nobody grants what they do not hold themselves, nor for longer, nor for more ports. */
  const requireGrantable = (
    caller: Caller,
    { role, ports, until }: Pick<Grant, 'role' | 'ports' | 'until'>,
    target: Target,
  ) => {
    requireHeld(caller, { role }, target);
    const beyond = notHeld(caller, { role, ports, until: until ?? Number.POSITIVE_INFINITY }, target);
    if (!beyond) return;
    throw new Problem(403, 'You may not do this', {
      detail: `you do not hold ${beyond} yourself until then, or not for these ports`,
    });
  };
  const changeable = async (caller: Caller, id: string) => {
    const grant = await present(caller, id);
    const target = await targetOf(grant);
    if (!target) throw notFound(`the grant ${id}`);
    requireHeld(caller, grant, target);
    return { grant, target };
  };
  const readUntil = (text: string | null | undefined) => {
    const until = readTimeOrNull('/until', text);
    if (until !== null && until <= clock.date()) throw fieldProblem('/until', 'must be in the future');
    return until;
  };
  const shown = { status: 200, description: 'The grant.', schema: grantSchema };

  return [
    endpoint({
      operation: 'listGrants',
      method: 'GET',
      path: '/grants',
      tag: 'Grants',
      summary:
        'Lists grants: all of them for those who read users, else the own ones and those that the caller could give.',
      needs: 'own',
      query: Type.Object({
        ...pageQuery,
        user: Type.Optional(nameSchema),
        group: Type.Optional(nameSchema),
        domain: Type.Optional(domainSchema),
        device: Type.Optional(deviceSchema),
      }),
      replies: [{ status: 200, description: 'A page of grants.', schema: pageOf(grantSchema) }],
      async handle({ caller, query: { limit, cursor, ...filter } }) {
        const [after = ''] = readCursor(cursor, 'text') ?? [];
        // What is not seen is not counted either: `next` says nothing of it.
        const extent = caller.may('users.read', { kind: 'everything' })
          ? null
          : caller.extent('grants.write');
        const seen = extent && { user: caller.name, domains: extent.domains, uids: extent.devices };
        const found = await grants.page(filter, seen, after, limit + 1);
        return { body: pageFrom(found, limit, shownGrant, ({ id }) => [id]) };
      },
    }),
    endpoint({
      operation: 'createGrant',
      method: 'POST',
      path: '/grants',
      tag: 'Grants',
      summary: 'Grants a user or a group a role: for everything, a domain or one device.',
      description:
        'Without `domain` and `device`, it is for everything. It counts at once, on every connection within two seconds.',
      needs: 'grants.write',
      body: Type.Object({
        user: Type.Optional(nameSchema),
        group: Type.Optional(nameSchema),
        role: roleSchema,
        domain: Type.Optional(domainSchema),
        device: Type.Optional(deviceSchema),
        ports: Type.Optional(portsSchema),
        until: Type.Optional(orNull(givenTime)),
      }),
      replies: [{ status: 201, description: 'The grant.', schema: grantSchema }],
      async handle({ caller, body, note }) {
        const { user = null, group = null, role, domain = null, device = null, ports = null } = body;
        if ((user === null) === (group === null))
          throw fieldProblem('/user', 'or /group must be given, one of them');
        if (domain !== null && device !== null) throw fieldProblem('/device', 'cannot be beside /domain');
        const until = readUntil(body.until);
        if (ports !== null && !permissionsOf[role].has('devices.open')) {
          throw fieldProblem('/ports', `are not for the role ${role}, which opens none`);
        }
        const target = await targetOf({ domain, device });
        const unknownDevice = () => fieldProblem('/device', 'there is no such device, or you may not see it');
        if (!target) throw unknownDevice();
        if (target.kind === 'device' && !caller.may('devices.read', target)) throw unknownDevice();
        requireGrantable(caller, { role, ports, until }, target);
        if (domain !== null && !(await database.transact(() => isKnownDomain(caller, domain))))
          throw fieldProblem('/domain', unknownDomain);
        if (user !== null && !(await people.get(user))) throw fieldProblem('/user', 'there is no such user');
        if (group !== null && !(await groups.get(group)))
          throw fieldProblem('/group', 'there is no such group');
        const grant = await grants.add(
          { user, group, role, domain, device, ports, until, createdBy: caller.name },
          limits.grantsPerSubject,
        );
        if (!grant)
          throw conflict(`${user ?? group} has ${limits.grantsPerSubject} grants, and no more are possible`);
        note(`granted ${described(grant)}`, about(grant));
        return { status: 201, body: shownGrant(grant), version: versionOf(grant) };
      },
    }),
    endpoint({
      operation: 'getGrant',
      method: 'GET',
      path: '/grants/{id}',
      tag: 'Grants',
      summary: 'Shows a grant.',
      needs: 'own',
      parameters: byId,
      replies: [shown],
      async handle({ caller, parameters: { id } }) {
        const grant = await present(caller, id);
        return { body: shownGrant(grant), version: versionOf(grant) };
      },
    }),
    endpoint({
      operation: 'changeGrant',
      method: 'PATCH',
      path: '/grants/{id}',
      tag: 'Grants',
      summary: 'Gives a grant another end.',
      needs: 'grants.write',
      parameters: byId,
      conditional: true,
      body: Type.Object({ until: orNull(givenTime) }),
      replies: [shown],
      async handle({ caller, parameters: { id }, body, checkVersion, note }) {
        const { grant, target } = await changeable(caller, id);
        const until = readUntil(body.until);
        requireGrantable(caller, { ...grant, until }, target);
        await grants.setUntil(grant, until, (now) => {
          if (!now) throw notFound(`the grant ${id}`);
          checkVersion(versionOf(now));
        });
        const changed = { ...grant, until };
        note(`changed the end: ${described(changed)}`, about(grant));
        return { body: shownGrant(changed), version: versionOf(changed) };
      },
    }),
    endpoint({
      operation: 'removeGrant',
      method: 'DELETE',
      path: '/grants/{id}',
      tag: 'Grants',
      summary: 'Takes a grant away. What goes on by it ends within two seconds.',
      needs: 'grants.write',
      parameters: byId,
      replies: [{ status: 204, description: 'Done.' }],
      async handle({ caller, parameters: { id }, note }) {
        const { grant } = await changeable(caller, id);
        await grants.remove(grant);
        note(`took away ${described(grant)}`, about(grant));
        return {};
      },
    }),
  ];
}

function described({ user, group, role, domain, device, ports, until }: Grant): string {
  const whom = user === null ? `the group ${group}` : `the user ${user}`;
  const what =
    device === null ? (domain === null ? 'everything' : `the domain ${domain}`) : `the device ${device}`;
  const which = ports === null ? '' : `, ports ${ports.join(', ')}`;
  const end = until === null ? '' : `, until ${shownTime(until)}`;
  return `${whom} the role ${role} for ${what}${which}${end}`;
}

function about({ device }: Grant): { readonly device?: string } {
  return device === null ? {} : { device };
}
