import { Type } from 'typebox';
import type { Caller } from '../api/endpoint.ts';
import { type Endpoint, endpoint } from '../api/endpoint.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../api/paging.ts';
import { conflict, notFound, Problem } from '../api/problem.ts';
import { shownTime, timeSchema } from '../api/time.ts';
import { permissionBeyond } from '../rights/within.ts';
import type { Group } from './groups.ts';
import { nameSchema, versionOf } from './name.ts';
import type { PeopleServices } from './services.ts';

const descriptionSchema = Type.String({ maxLength: 1_000 });
const groupSchema = Type.Object({
  name: Type.String(),
  description: Type.String(),
  created: timeSchema,
  members: Type.Integer({ minimum: 0 }),
});
const memberSchema = Type.Object({
  user: Type.String(),
  source: Type.String({ description: '`local`, or the directory that says so.' }),
});
const byName = Type.Object({ name: nameSchema });
const everything = { kind: 'everything' } as const;
const done = [{ status: 204, description: 'Done.' }] as const;

function shownGroup(group: Group) {
  return { ...group, created: shownTime(group.created) };
}

export function groupsEndpoints({ groups, rights, limits }: PeopleServices): Endpoint[] {
  const shown = (group: Group | null, name: string) => {
    if (!group) throw notFound(`the group ${name}`);
    const { members: _members, ...facts } = group;
    return { body: shownGroup(group), version: versionOf(facts) };
  };
  const present = async (name: string) => shown(await groups.get(name), name);
  /** Who changes the members of a group hands out what it is granted. */
  const requireNoMore = async (caller: Caller, name: string) => {
    const beyond = permissionBeyond(caller, await rights.ofGroup(name));
    if (beyond) {
      throw new Problem(403, 'You may not do this', {
        detail: `this group holds ${beyond} where you do not`,
      });
    }
  };
  return [
    endpoint({
      operation: 'listGroups',
      method: 'GET',
      path: '/groups',
      tag: 'Groups',
      summary: 'Lists groups by name.',
      needs: 'users.read',
      query: Type.Object(pageQuery),
      replies: [{ status: 200, description: 'A page of groups.', schema: pageOf(groupSchema) }],
      async handle({ caller, query: { limit, cursor } }) {
        caller.require('users.read', everything);
        const [after = ''] = readCursor(cursor, 'text') ?? [];
        const found = await groups.page(after, limit + 1);
        return {
          body: pageFrom(found, limit, shownGroup, ({ name }) => [name]),
        };
      },
    }),
    endpoint({
      operation: 'createGroup',
      method: 'POST',
      path: '/groups',
      tag: 'Groups',
      summary: 'Adds a group.',
      needs: 'users.write',
      body: Type.Object({ name: nameSchema, description: Type.Optional(descriptionSchema) }),
      replies: [{ status: 201, description: 'The group.', schema: groupSchema }],
      async handle({ caller, body: { name, description = '' }, note }) {
        caller.require('users.write', everything);
        const outcome = await groups.add(name, description, limits.groups);
        if (outcome === 'taken') throw conflict(`the name ${name} is taken`);
        if (outcome === 'full') throw conflict(`there are ${limits.groups} groups, and no more are possible`);
        note(`added the group ${name}`);
        return { status: 201, ...(await present(name)) };
      },
    }),
    endpoint({
      operation: 'getGroup',
      method: 'GET',
      path: '/groups/{name}',
      tag: 'Groups',
      summary: 'Shows a group.',
      needs: 'users.read',
      parameters: byName,
      replies: [{ status: 200, description: 'The group.', schema: groupSchema }],
      handle({ caller, parameters: { name } }) {
        caller.require('users.read', everything);
        return present(name);
      },
    }),
    endpoint({
      operation: 'changeGroup',
      method: 'PATCH',
      path: '/groups/{name}',
      tag: 'Groups',
      summary: 'Describes a group anew.',
      needs: 'users.write',
      parameters: byName,
      conditional: true,
      body: Type.Object({ description: descriptionSchema }),
      replies: [{ status: 200, description: 'The group.', schema: groupSchema }],
      async handle({ caller, parameters: { name }, body, checkVersion, note }) {
        caller.require('users.write', everything);
        await groups.describe(name, body.description, (now) => checkVersion(shown(now, name).version));
        note(`described the group ${name}`);
        return present(name);
      },
    }),
    endpoint({
      operation: 'removeGroup',
      method: 'DELETE',
      path: '/groups/{name}',
      tag: 'Groups',
      summary: 'Removes a group with its grants. Its members stay users.',
      needs: 'users.write',
      parameters: byName,
      replies: done,
      async handle({ caller, parameters: { name }, note }) {
        caller.require('users.write', everything);
        await present(name);
        await requireNoMore(caller, name);
        await groups.remove(name);
        note(`removed the group ${name}`);
        return {};
      },
    }),
    endpoint({
      operation: 'listMembers',
      method: 'GET',
      path: '/groups/{name}/members',
      tag: 'Groups',
      summary: 'Lists the members of a group by name.',
      needs: 'users.read',
      parameters: byName,
      query: Type.Object(pageQuery),
      replies: [{ status: 200, description: 'A page of members.', schema: pageOf(memberSchema) }],
      async handle({ caller, parameters: { name }, query: { limit, cursor } }) {
        caller.require('users.read', everything);
        await present(name);
        const [after = ''] = readCursor(cursor, 'text') ?? [];
        const found = await groups.members(name, after, limit + 1);
        return {
          body: pageFrom(
            found,
            limit,
            (member) => member,
            ({ user }) => [user],
          ),
        };
      },
    }),
    endpoint({
      operation: 'addMember',
      method: 'PUT',
      path: '/groups/{name}/members/{user}',
      tag: 'Groups',
      summary: 'Puts a user into a group.',
      needs: 'users.write',
      parameters: Type.Object({ name: nameSchema, user: nameSchema }),
      replies: done,
      async handle({ caller, parameters: { name, user }, note }) {
        caller.require('users.write', everything);
        await present(name);
        await requireNoMore(caller, name);
        if (!(await groups.join(name, user))) throw notFound(`the user ${user}`);
        note(`put the user ${user} into the group ${name}`);
        return {};
      },
    }),
    endpoint({
      operation: 'removeMember',
      method: 'DELETE',
      path: '/groups/{name}/members/{user}',
      tag: 'Groups',
      summary: 'Takes a user out of a group. Those that a directory has put there stay.',
      needs: 'users.write',
      parameters: Type.Object({ name: nameSchema, user: nameSchema }),
      replies: done,
      async handle({ caller, parameters: { name, user }, note }) {
        caller.require('users.write', everything);
        await present(name);
        await requireNoMore(caller, name);
        if (!(await groups.leave(name, user))) {
          throw notFound(`a member ${user} of ${name} who was put there through this interface`);
        }
        note(`took the user ${user} out of the group ${name}`);
        return {};
      },
    }),
  ];
}
