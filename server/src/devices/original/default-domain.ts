import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../../api/endpoint.ts';
import { notFound } from '../../api/problem.ts';
import { type DevicesContext, defaultDomain } from '../context.ts';

/** `GET /users/{name}/attributes/domain`: the original's gateway asks so for the domain of its user. */
export function getDefaultDomain(context: DevicesContext): Endpoint {
  const ofAnother = async (name: string) => {
    const user = await context.core.store.users.get(name);
    if (!user) throw notFound(`user ${name}`);
    return user.role === 'administrator' ? context.installation.domain() : (user.domains[0] ?? null);
  };
  return endpoint({
    operation: 'getDefaultDomain',
    method: 'GET',
    path: '/users/{name}/attributes/domain',
    tag: 'Domains',
    summary: 'Gets the default domain of a user.',
    description:
      'The first of those whose devices the user sees; of the installation for those who see all. Of others only with `users.read`.',
    parameters: Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }) }),
    needs: 'own',
    replies: [{ status: 200, description: 'ID of the domain.', schema: Type.String() }],
    async handle({ caller, parameters: { name } }) {
      const isOwn = name === caller.name;
      if (!isOwn && !caller.may('users.read', { kind: 'everything' })) throw notFound(`user ${name}`);
      const domain = isOwn ? await defaultDomain(context, caller, 'devices.read') : await ofAnother(name);
      if (domain === null) throw notFound(`default domain of ${name}`);
      return { body: domain };
    },
  });
}
