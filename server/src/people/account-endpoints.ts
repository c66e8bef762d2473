import {
  base32,
  makeRecoveryCodes,
  makeTotpSecret,
  otpauthUri,
  recoveryHash,
  stepOfCode,
} from 'rm-reflector/accounts';
import type { SessionRecord, UserRecord } from 'rm-reflector/ports';
import { Type } from 'typebox';
import { encode } from 'uqr';
import { type Caller, type Endpoint, type EndpointCall, endpoint } from '../api/endpoint.ts';
import { conflict, fieldProblem, notFound, Problem } from '../api/problem.ts';
import { shownTime, timeSchema } from '../api/time.ts';
import { passwordComplaintIn } from '../branding/brand/domain-of-user.ts';
import { permissions } from '../rights/permission.ts';
import type { PeopleServices } from './services.ts';
import { userOf, userSchema } from './users-endpoints.ts';

const secretText = Type.String({ maxLength: 1_000 });
const codeSchema = Type.String({ maxLength: 64, description: 'One-time password, or a recovery code.' });
const extentSchema = Type.Union(
  [Type.Null(), Type.Object({ domains: Type.Array(Type.String()), devices: Type.Integer({ minimum: 0 }) })],
  { description: 'null: everything. Otherwise the domains, and how many single devices.' },
);
const sessionSchema = Type.Object({
  id: Type.String(),
  kind: Type.Union([Type.Literal('own'), Type.Literal('device'), Type.Literal('token')]),
  device: Type.Union([Type.String(), Type.Null()]),
  created: timeSchema,
  used: timeSchema,
  expires: timeSchema,
  address: Type.String(),
  agent: Type.String(),
  current: Type.Boolean({ description: 'It is the one by which this call came.' }),
});

/** What names a session in lists; it opens nothing. */
function idOf({ hash }: Pick<SessionRecord, 'hash'>): string {
  return hash.subarray(0, 8).toString('hex');
}

/** The margin is that of ISO/IEC 18004. */
function qrOf(text: string): { readonly size: number; readonly path: string } {
  const { data, size } = encode(text, { ecc: 'M', border: 4 });
  const rows = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return { size, path: rows.join('') };
}

/** An account is its user's: no program that holds an API key changes it. */
function requireLogIn({ identity }: Caller): void {
  if (identity.key === undefined) return;
  throw new Problem(403, 'You may not do this', { detail: 'this takes a log-in, and no API key' });
}

export function accountEndpoints(services: PeopleServices): Endpoint[] {
  const { people, store, logIn, clock, limits } = services;
  /** The user, who has just shown the password, and a code where the account takes one. */
  const proven = async (
    { caller, address }: Pick<EndpointCall<unknown, unknown, unknown>, 'caller' | 'address'>,
    { password, code }: { readonly password: string; readonly code?: string | undefined },
  ): Promise<UserRecord> => {
    requireLogIn(caller);
    const { user } = caller.identity;
    const needsCode = user.totpSecret !== null;
    if (needsCode && !code) throw fieldProblem('/code', 'is needed: this account has one-time passwords');
    const attempt = { name: user.name, password, code: needsCode ? (code ?? '') : null, address, marks: [] };
    const verdict = await logIn.check(attempt);
    if (!('denied' in verdict)) return verdict.user;
    if (verdict.denied === 'throttled') {
      const seconds = Math.ceil(verdict.waitMs / 1000);
      throw new Problem(429, 'Too many wrong passwords', {
        detail: `try again in ${seconds} s`,
        headers: { 'Retry-After': String(seconds) },
      });
    }
    if (verdict.denied === 'busy') {
      throw new Problem(503, 'Too many log-ins at once', { headers: { 'Retry-After': '5' } });
    }
    throw fieldProblem('/password', needsCode ? 'it, or the code, is wrong' : 'is wrong');
  };
  const changedMeanwhile = () => conflict('the account was changed meanwhile: begin again');
  const sessionsOf = async (name: string) =>
    (await store.sessions.list(name, limits.pageSize)).filter(({ expires }) => expires > clock.date());

  return [
    endpoint({
      operation: 'getAccount',
      method: 'GET',
      path: '/account',
      tag: 'Account',
      summary: 'Says who calls, by what, and what they may do.',
      needs: 'own',
      replies: [
        {
          status: 200,
          description: 'The caller.',
          schema: Type.Object({
            user: userSchema,
            provenBy: Type.String({ description: 'The authenticator, such as password or api-key.' }),
            key: Type.Union([Type.String(), Type.Null()], { description: 'ID of the API key.' }),
            permissions: Type.Array(
              Type.Object({
                permission: Type.Enum(permissions),
                extent: extentSchema,
              }),
            ),
          }),
        },
      ],
      async handle({ caller }) {
        const row = await people.get(caller.name);
        if (!row) throw notFound('your account');
        const held = permissions
          .filter((permission) => caller.any(permission))
          .map((permission) => {
            const extent = caller.extent(permission);
            return {
              permission,
              extent: extent && { domains: extent.domains, devices: extent.devices.length },
            };
          });
        const { by, key = null } = caller.identity;
        return { body: { user: userOf(row), provenBy: by, key, permissions: held } };
      },
    }),
    endpoint({
      operation: 'changeOwnPassword',
      method: 'POST',
      path: '/account/password',
      tag: 'Account',
      summary: 'Sets another password, which ends all sessions and tokens of the caller.',
      description:
        'A browser that calls by its cookie gets a new session; every other one has to log in again.',
      needs: 'own',
      body: Type.Object({ password: secretText, code: Type.Optional(codeSchema), newPassword: secretText }),
      replies: [{ status: 204, description: 'Done.' }],
      async handle(call) {
        const { body, caller, headers, note, logInAgain } = call;
        if ((await people.directoryOf(caller.name)) !== null) {
          throw new Problem(403, 'Your password is kept elsewhere', {
            detail: 'change it in your directory',
          });
        }
        const complaint = await passwordComplaintIn(services, body.newPassword, caller.name, headers);
        if (complaint !== null) throw fieldProblem('/newPassword', complaint);
        const user = await proven(call, body);
        const changed = await logIn.setPassword(user, body.newPassword);
        if (changed === 'busy') throw new Problem(503, 'Too many log-ins at once');
        if (changed === null) throw changedMeanwhile();
        note('changed the own password');
        // It is changed, whatever becomes of the session.
        return { cookies: await logInAgain(changed).catch(() => []) };
      },
    }),
    endpoint({
      operation: 'beginOneTimePasswords',
      method: 'POST',
      path: '/account/one-time-passwords',
      tag: 'Account',
      summary: 'Makes a secret for an authenticator app. It counts once it is confirmed.',
      needs: 'own',
      body: Type.Object({ password: secretText, code: Type.Optional(codeSchema) }),
      replies: [
        {
          status: 200,
          description: 'The secret, and the ticket to confirm it with.',
          schema: Type.Object({
            secret: Type.String({ description: 'Base32, for typing.' }),
            uri: Type.String({ description: 'What the QR code says.' }),
            qr: Type.Object(
              {
                size: Type.Integer({ description: 'Width and height in modules, with the margin.' }),
                path: Type.String({ description: 'The dark modules, as the path of an SVG.' }),
              },
              { description: 'The QR code.' },
            ),
            ticket: Type.String(),
          }),
        },
      ],
      async handle(call) {
        const user = await proven(call, call.body);
        const secret = makeTotpSecret();
        const ticket = logIn.enrolment.ticket(user, secret);
        const uri = otpauthUri('Reflector', user.name, secret);
        return { body: { secret: base32(secret), uri, qr: qrOf(uri), ticket } };
      },
    }),
    endpoint({
      operation: 'confirmOneTimePasswords',
      method: 'PUT',
      path: '/account/one-time-passwords',
      tag: 'Account',
      summary:
        'Switches one-time passwords on with a code of the new secret, and ends all sessions and tokens.',
      description:
        'A browser that calls by its cookie gets a new session; every other one has to log in again.',
      needs: 'own',
      body: Type.Object({ ticket: Type.String({ maxLength: 600 }), code: codeSchema }),
      replies: [
        {
          status: 200,
          description: 'Recovery codes, which are shown only now. Each is good once.',
          schema: Type.Object({ recoveryCodes: Type.Array(Type.String()) }),
        },
      ],
      async handle({ caller, body, note, logInAgain }) {
        requireLogIn(caller);
        const { user } = caller.identity;
        const secret = logIn.enrolment.secretOf(body.ticket, user);
        if (!secret) throw fieldProblem('/ticket', 'is not valid any more: begin again');
        const step = stepOfCode(secret, body.code, clock.date());
        if (step === null)
          throw fieldProblem('/code', 'is not the current one: check the clock of your phone');
        const recoveryCodes = makeRecoveryCodes();
        const recovery = recoveryCodes.map(recoveryHash);
        const changed = await store.users.setTotp(user, { secret, step, recovery });
        if (!changed) throw changedMeanwhile();
        note('switched one-time passwords on');
        // The codes come only now, whatever becomes of the session.
        const cookies = await logInAgain(changed).catch(() => []);
        return { body: { recoveryCodes }, cookies };
      },
    }),
    endpoint({
      operation: 'listOwnSessions',
      method: 'GET',
      path: '/account/sessions',
      tag: 'Account',
      summary: 'Lists where the caller is logged in, the last used first.',
      needs: 'own',
      replies: [
        {
          status: 200,
          description: 'The sessions.',
          schema: Type.Object({ items: Type.Array(sessionSchema) }),
        },
      ],
      async handle({ caller }) {
        requireLogIn(caller);
        const current = caller.identity.session?.hash;
        const items = (await sessionsOf(caller.name)).map((session) => ({
          id: idOf(session),
          kind: session.kind,
          device: session.device,
          created: shownTime(session.created),
          used: shownTime(session.used),
          expires: shownTime(session.expires),
          address: session.address,
          agent: session.agent,
          current: current?.equals(session.hash) ?? false,
        }));
        return { body: { items } };
      },
    }),
    endpoint({
      operation: 'endOwnSession',
      method: 'DELETE',
      path: '/account/sessions/{id}',
      tag: 'Account',
      summary: 'Ends a session of the caller. What goes on by it ends within two seconds.',
      needs: 'own',
      parameters: Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) }),
      replies: [{ status: 204, description: 'Done.' }],
      async handle({ caller, parameters: { id }, note }) {
        requireLogIn(caller);
        const session = (await sessionsOf(caller.name)).find((one) => idOf(one) === id);
        if (!session) throw notFound(`the session ${id}`);
        await store.sessions.remove(session.hash);
        note(`ended the session ${id} from ${session.address}`);
        return {};
      },
    }),
  ];
}
