import { type Static, Type } from 'typebox';
import { closed } from '../api/closed.ts';

/** The keys of `/etc/rm-server.json` besides those of the reflector. Each part of the server has one. */
export const ownKeys = {
  publicUrl: Type.Optional(
    Type.String({
      pattern: '^https?://[^/?#]+/?$',
      description: 'Address of the server as users see it, for links in mails and for other servers.',
    }),
  ),
};

export const configurationSchema = closed(Type.Object(ownKeys));

export type OwnConfiguration = Static<typeof configurationSchema>;
