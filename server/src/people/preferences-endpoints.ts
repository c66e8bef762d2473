import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../api/endpoint.ts';
import { matching } from '../api/pattern.ts';
import type { Core } from '../part.ts';
import { PreferencesOfUsers, versionOfPreferences } from './preferences.ts';

/** Bytes of a request: all fields at their longest, and some room for JSON. */
const maxBodyBytes = 65_536;

const preferencesSchema = Type.Object({
  language: Type.Optional(
    Type.String({
      ...matching('^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$', 'must be a language such as de or pt-BR'),
      maxLength: 35,
      description: 'BCP 47.',
    }),
  ),
  theme: Type.Optional(Type.Union([Type.Literal('light'), Type.Literal('dark')])),
  screenReader: Type.Optional(
    Type.Boolean({ description: 'Whether terminals have their lines as text for screen readers.' }),
  ),
  columns: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
      maxItems: 20,
      description: 'Columns of the list of devices; those of properties begin with property:.',
    }),
  ),
  views: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.String({ minLength: 1, maxLength: 60 }),
        query: Type.String({ maxLength: 500, description: 'Query of the page.' }),
      }),
      { maxItems: 30, description: 'Views of the list of devices.' },
    ),
  ),
});

/** What a user has chosen for the dashboard: it follows the user to other browsers. */
export function preferencesEndpoints({ database }: Pick<Core, 'database'>): Endpoint[] {
  const preferences = new PreferencesOfUsers(database);
  const common = { path: '/account/preferences', tag: 'Account', needs: 'own' } as const;
  const schema = preferencesSchema;
  return [
    endpoint({
      ...common,
      operation: 'getPreferences',
      method: 'GET',
      summary: 'Gets what the caller has chosen for the dashboard.',
      replies: [{ status: 200, description: 'The choices; what is left out is as usual.', schema }],
      async handle({ caller }) {
        const value = await preferences.get(caller.name);
        return { body: JSON.parse(value ?? '{}'), version: versionOfPreferences(value) };
      },
    }),
    endpoint({
      ...common,
      operation: 'setPreferences',
      method: 'PUT',
      summary: 'Sets what the caller has chosen for the dashboard, in the place of what was there.',
      description: 'With `If-Match`, only if nobody has chosen something else since it was read.',
      body: schema,
      maxBodyBytes,
      replies: [{ status: 200, description: 'The choices as they are now.', schema }],
      async handle({ caller, body, checkVersion }) {
        const value = JSON.stringify(body);
        await preferences.set(caller.name, value, checkVersion);
        return { body, version: versionOfPreferences(value) };
      },
    }),
  ];
}
