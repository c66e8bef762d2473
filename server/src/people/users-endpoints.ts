import { randomBytes } from 'node:crypto';
import { hashGeneratedPassword, hashPassword } from 'rm-reflector/accounts';
import { StoreUnavailable } from 'rm-reflector/ports';
import { type Static, Type } from 'typebox';
import { type Caller, type Endpoint, type EndpointCall, endpoint } from '../api/endpoint.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../api/paging.ts';
import { matching, oneLine } from '../api/pattern.ts';
import { conflict, fieldProblem, notFound, Problem } from '../api/problem.ts';
import { shownTime, timeSchema } from '../api/time.ts';
import { passwordComplaintIn } from '../branding/brand/domain-of-user.ts';
import { permissionBeyond } from '../rights/within.ts';
import { hinted } from '../store/hinted.ts';
import { nameSchema, versionOf } from './name.ts';
import type { PersonRow } from './people.ts';
import type { PeopleServices } from './services.ts';

const roleSchema = Type.Union([Type.Literal('administrator'), Type.Literal('user')], {
  description: 'An administrator may do everything; a user what is granted.',
});
const emailSchema = Type.Union([
  Type.String({
    maxLength: 254,
    ...matching('^[^\\s@<>,;"\\\\]+@[^\\s@<>,;"\\\\]+$', 'must be a mail address such as alice@example.com'),
  }),
  Type.Null(),
]);
const fullNameSchema = Type.String({ maxLength: 200, ...oneLine('*') });
const passwordSchema = Type.String({
  maxLength: 1_000,
  description: 'At least 10 characters, and no common one.',
});

export const userSchema = Type.Object({
  name: Type.String(),
  kind: Type.Union([Type.Literal('person'), Type.Literal('service')], {
    description: 'A service account has no password and no one-time passwords: it has API keys.',
  }),
  role: roleSchema,
  fullName: Type.String(),
  email: Type.Union([Type.String(), Type.Null()]),
  domains: Type.Array(Type.String(), {
    description: 'Domains that were granted on the command line: its devices may be opened.',
  }),
  groups: Type.Array(Type.String()),
  oneTimePasswords: Type.Boolean({ description: 'Whether a log-in takes a one-time password too.' }),
  created: timeSchema,
});

export function userOf(row: PersonRow): Static<typeof userSchema> {
  return {
    name: row.name,
    kind: row.kind,
    role: row.administrator ? 'administrator' : 'user',
    fullName: row.full_name,
    email: row.email,
    domains: JSON.parse(row.domains) as string[],
    groups: JSON.parse(row.groups) as string[],
    oneTimePasswords: row.totp,
    created: shownTime(row.created),
  };
}

const byName = Type.Object({ name: nameSchema });
const everything = { kind: 'everything' } as const;
const shown = { status: 200, description: 'The user.', schema: userSchema };
const done = [{ status: 204, description: 'Done.' }] as const;

/** Throws unless the caller may do all that this user may: else a change would hand the caller more. */
export async function requireNoMore({ rights }: PeopleServices, caller: Caller, name: string): Promise<void> {
  const theirs = await rights.ofUser(name);
  const beyond = theirs && permissionBeyond(caller, theirs);
  if (beyond) {
    throw new Problem(403, 'You may not do this', {
      detail: `this user holds ${beyond} where you do not`,
    });
  }
}

/** A hash that no password has. */
export function noPassword(): Promise<string> {
  return hashGeneratedPassword(randomBytes(32).toString('base64url'));
}

export function usersEndpoints(services: PeopleServices): Endpoint[] {
  const { people, store, rights, invitations, clock, log } = services;

  const found = async (name: string): Promise<PersonRow> => {
    const row = await people.get(name);
    if (!row) throw notFound(`the user ${name}`);
    return row;
  };
  /** The user, if the caller may change accounts, and holds all that this one does. */
  const managed = async (caller: Caller, name: string): Promise<PersonRow> => {
    caller.require('users.write', everything);
    const row = await found(name);
    await requireNoMore(services, caller, name);
    return row;
  };
  const present = async (name: string) => {
    const user = userOf(await found(name));
    return { body: user, version: versionOf(user) };
  };
  const invite = async (name: string) => {
    try {
      await invitations?.invite(name, 'invitation');
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      log.warn({ err: error, user: name }, 'invitation was not sent');
      throw new Problem(502, 'The mail was not sent', {
        detail:
          'the mail server has not taken it; the log of the server says why. Invite the user again later',
      });
    }
  };
  const takenEmail = () => fieldProblem('/email', 'is that of another user');
  const checkPassword = async (
    password: string | undefined,
    name: string,
    { headers }: Pick<EndpointCall<unknown, unknown, unknown>, 'headers'>,
  ) => {
    if (password === undefined) return;
    const complaint = await passwordComplaintIn(services, password, name, headers);
    if (complaint !== null) throw fieldProblem('/password', complaint);
  };
  const toAdminister = (caller: Caller) => {
    const all = rights.administrator();
    const beyond = permissionBeyond(caller, all);
    if (beyond)
      throw fieldProblem(
        '/role',
        `only who may do everything makes administrators: you do not hold ${beyond}`,
      );
  };

  return [
    endpoint({
      operation: 'listUsers',
      method: 'GET',
      path: '/users',
      tag: 'Users',
      summary: 'Lists users by name.',
      needs: 'users.read',
      query: Type.Object({
        ...pageQuery,
        text: Type.Optional(
          Type.String({
            maxLength: 100,
            description: 'Words, each of them part of the name, the full name or the mail address.',
          }),
        ),
      }),
      replies: [{ status: 200, description: 'A page of users.', schema: pageOf(userSchema) }],
      async handle({ caller, query: { limit, cursor, text = '' } }) {
        caller.require('users.read', everything);
        const [after = ''] = readCursor(cursor, 'text') ?? [];
        const rows = await people.page(text, after, limit + 1);
        return { body: pageFrom(rows, limit, userOf, ({ name }) => [name]) };
      },
    }),
    endpoint({
      operation: 'createUser',
      method: 'POST',
      path: '/users',
      tag: 'Users',
      summary: 'Adds a user.',
      description:
        'Without a password, a person cannot log in until one is set: by an invitation, or by a directory. A service account never has one.',
      needs: 'users.write',
      body: Type.Object({
        name: nameSchema,
        kind: Type.Optional(userSchema.properties.kind),
        role: Type.Optional(roleSchema),
        fullName: Type.Optional(fullNameSchema),
        email: Type.Optional(emailSchema),
        password: Type.Optional(passwordSchema),
        invite: Type.Optional(
          Type.Boolean({ description: 'Send a mail by which the person sets the password. Needs `email`.' }),
        ),
      }),
      replies: [{ status: 201, description: 'The user.', schema: userSchema }],
      async handle(call) {
        const { caller, body, note } = call;
        caller.require('users.write', everything);
        const { name, kind = 'person', role = 'user', fullName = '', email = null, password } = body;
        await checkPassword(password, name, call);
        if (kind === 'service' && role !== 'user')
          throw fieldProblem('/role', 'must be user for a service account');
        for (const field of ['password', 'email', 'invite'] as const) {
          if (kind === 'service' && body[field])
            throw fieldProblem(`/${field}`, 'is not for service accounts');
        }
        if (role === 'administrator') toAdminister(caller);
        if (body.invite && !invitations) throw conflict('no mail is configured, so nobody can be invited');
        if (body.invite && email === null) throw fieldProblem('/email', 'is needed for an invitation');
        const hash = password === undefined ? await noPassword() : await hashPassword(password);
        // The caller may have lost the right while the password was hashed.
        const still = await caller.now();
        still.require('users.write', everything);
        if (role === 'administrator') toAdminister(still);
        if (!(await store.users.add(name, hash, clock.date(), role)))
          throw conflict(`the name ${name} is taken`);
        if (!(await people.set(name, { kind, fullName, email }))) {
          await store.users.remove(name, true);
          throw takenEmail();
        }
        note(`added the ${kind === 'service' ? 'service account' : role} ${name}`);
        if (body.invite) await invite(name);
        return { status: 201, ...(await present(name)) };
      },
    }),
    endpoint({
      operation: 'getUser',
      method: 'GET',
      path: '/users/{name}',
      tag: 'Users',
      summary: 'Shows a user.',
      needs: 'own',
      parameters: byName,
      replies: [shown],
      handle({ caller, parameters: { name } }) {
        if (name !== caller.name && !caller.may('users.read', everything)) throw notFound(`the user ${name}`);
        return present(name);
      },
    }),
    endpoint({
      operation: 'changeUser',
      method: 'PATCH',
      path: '/users/{name}',
      tag: 'Users',
      summary: 'Changes a user. What is not named stays.',
      description: 'Another password ends all sessions and tokens of the user.',
      needs: 'users.write',
      parameters: byName,
      conditional: true,
      body: Type.Object({
        role: Type.Optional(roleSchema),
        fullName: Type.Optional(fullNameSchema),
        email: Type.Optional(emailSchema),
        password: Type.Optional(passwordSchema),
      }),
      replies: [shown],
      async handle(call) {
        const { caller, parameters, body, checkVersion, note } = call;
        const { name } = parameters;
        caller.require('users.write', everything);
        const before = await present(name);
        await requireNoMore(services, caller, name);
        const user = before.body;
        await checkPassword(body.password, name, call);
        const directory = await people.directoryOf(name);
        if (directory !== null && body.password !== undefined) {
          throw fieldProblem('/password', `is kept by the directory ${directory}`);
        }
        // So the last administrator of the reflector, who is protected, is always a local one.
        if (directory !== null && body.role === 'administrator') {
          throw fieldProblem(
            '/role',
            'grant it the role administrator for everything, or let the directory do so',
          );
        }
        if (user.kind === 'service') {
          for (const field of ['password', 'email'] as const) {
            if (body[field]) throw fieldProblem(`/${field}`, 'is not for service accounts');
          }
          if (body.role === 'administrator')
            throw fieldProblem('/role', 'must be user for a service account');
        }
        if (body.role === 'administrator') toAdminister(caller);
        const hash = body.password === undefined ? null : await hashPassword(body.password);
        const still = await caller.now();
        still.require('users.write', everything);
        await requireNoMore(services, still, name);
        if (body.role === 'administrator') toAdminister(still);
        const { fullName = user.fullName, email = user.email } = body;
        const change = people.change(
          name,
          {
            ...{ kind: user.kind, fullName, email },
            ...(body.role !== undefined && { administrator: body.role === 'administrator' }),
            ...(hash !== null && { password: hash }),
          },
          (now) => {
            if (!now) throw notFound(`the user ${name}`);
            checkVersion(versionOf(userOf(now)));
          },
        );
        const outcome = await hinted(change, () => services.known.changed({ kind: 'user', key: name }));
        if (outcome === 'taken') throw takenEmail();
        if (outcome === 'last') throw conflict(`${name} is the last administrator`);
        note(`changed ${Object.keys(body).join(', ') || 'nothing'} of the user ${name}`);
        return present(name);
      },
    }),
    endpoint({
      operation: 'removeUser',
      method: 'DELETE',
      path: '/users/{name}',
      tag: 'Users',
      summary: 'Removes a user with all grants, keys and sessions.',
      needs: 'users.write',
      parameters: byName,
      replies: done,
      async handle({ caller, parameters: { name }, note }) {
        await managed(caller, name);
        const outcome = await store.users.remove(name, false);
        if (outcome === 'last') throw conflict(`${name} is the last administrator`);
        if (outcome === 'missing') throw notFound(`the user ${name}`);
        note(`removed the user ${name}`);
        return {};
      },
    }),
    endpoint({
      operation: 'inviteUser',
      method: 'POST',
      path: '/users/{name}/invitation',
      tag: 'Users',
      summary:
        'Sends a mail by which the user sets a password. Once it has gone, former ones do not count any more.',
      needs: 'users.write',
      parameters: byName,
      replies: [{ status: 202, description: 'The mail is on its way.' }],
      async handle({ caller, parameters: { name }, note }) {
        const { kind, email } = await managed(caller, name);
        if (!invitations) throw conflict('no mail is configured, so nobody can be invited');
        if (kind === 'service') throw conflict('a service account has no password');
        if (email === null) throw conflict('this user has no mail address');
        const directory = await people.directoryOf(name);
        if (directory !== null) throw conflict(`the password is kept by the directory ${directory}`);
        await invite(name);
        note(`invited the user ${name}`);
        return {};
      },
    }),
    endpoint({
      operation: 'removeUserOneTimePasswords',
      method: 'DELETE',
      path: '/users/{name}/one-time-passwords',
      tag: 'Users',
      summary: 'Lets a user who has lost the phone log in without one-time passwords.',
      needs: 'users.write',
      parameters: byName,
      replies: done,
      async handle({ caller, parameters: { name }, note }) {
        await managed(caller, name);
        await store.users.removeTotp(name);
        note(`removed the one-time passwords of the user ${name}`);
        return {};
      },
    }),
    endpoint({
      operation: 'endUserSessions',
      method: 'DELETE',
      path: '/users/{name}/sessions',
      tag: 'Users',
      summary: 'Logs a user out everywhere. API keys stay.',
      needs: 'users.write',
      parameters: byName,
      replies: done,
      async handle({ caller, parameters: { name }, note }) {
        await managed(caller, name);
        await store.sessions.removeAll(name);
        note(`logged the user ${name} out everywhere`);
        return {};
      },
    }),
  ];
}
