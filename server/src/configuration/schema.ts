import { type Static, Type } from 'typebox';
import { closed } from '../api/closed.ts';
import { cacheSchema } from './cache.ts';
import { desktopSchema } from './desktop.ts';
import { ldapSchema, providerSchema } from './directories.ts';
import { mailSchema } from './mail.ts';
import { metricsSchema } from './metrics.ts';
import { nodeSchema } from './node.ts';
import { recordingSchema } from './recording.ts';
import { storeSchema } from './store.ts';
import { terminalSchema } from './terminal.ts';
import { webhooksSchema } from './webhooks.ts';
import { mostWorkers } from './workers.ts';

/** The keys of `/etc/rm-server.json` besides those of the reflector. Each part of the server has one. */
export const ownKeys = {
  store: Type.Optional(storeSchema),
  node: Type.Optional(nodeSchema),
  workers: Type.Integer({
    minimum: 1,
    maximum: mostWorkers,
    default: 1,
    description: 'Processes that share the work on this host. More than one need `store`.',
  }),
  publicUrl: Type.Optional(
    Type.String({
      pattern: '^https?://[^/?#]+/?$',
      description: 'Address of the server as users see it, for links in mails and for other servers.',
    }),
  ),
  ldap: Type.Optional(ldapSchema),
  oidc: Type.Array(providerSchema, {
    default: [],
    maxItems: 16,
    description: 'Providers of OpenID Connect.',
  }),
  mail: Type.Optional(mailSchema),
  desktop: Type.Optional(desktopSchema),
  terminal: Type.Optional(terminalSchema),
  recording: Type.Optional(recordingSchema),
  branding: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Folder of your own look: name, logos, colours, texts, pages.',
    }),
  ),
  auditDays: Type.Integer({
    minimum: 1,
    maximum: 3_650,
    default: 90,
    description: 'Days for which records of the audit log can be asked for through the API.',
  }),
  cache: Type.Optional(cacheSchema),
  metrics: Type.Optional(metricsSchema),
  webhooks: Type.Optional(webhooksSchema),
};

export const configurationSchema = closed(Type.Object(ownKeys));

export type OwnConfiguration = Static<typeof configurationSchema>;
