import { Type } from 'typebox';
import { type Endpoint, endpoint } from '../api/endpoint.ts';
import type { Core } from '../part.ts';

/** What pages and programs of users need to know of the server. */
export function serverEndpoint(
  { settings, configuration }: Pick<Core, 'settings' | 'configuration'>,
  version: string,
): Endpoint {
  const { domain = 'localhost', cookieHost = null } = settings;
  const mail = configuration.mail !== undefined && configuration.publicUrl !== undefined;
  return endpoint({
    operation: 'getServer',
    method: 'GET',
    path: '/server',
    tag: 'Server',
    summary: 'Tells what the server is set to, as far as users need to know it.',
    needs: 'own',
    replies: [
      {
        status: 200,
        description: 'The server.',
        schema: Type.Object({
          version: Type.String(),
          domain: Type.String({ description: 'Devices are at ID.DOMAIN.' }),
          cookieHost: Type.Union([Type.String(), Type.Null()], {
            description: 'The host that shows the device that was chosen last; null: there is none.',
          }),
          mail: Type.Boolean({ description: 'Invitations can be sent.' }),
        }),
      },
    ],
    handle: () => ({ body: { version, domain, cookieHost, mail } }),
  });
}
