import { type Static, Type } from 'typebox';
import { secretSchema } from './secret.ts';

export const mailSchema = Type.Object(
  {
    url: Type.String({
      pattern: '^smtps?://[^/?#@]+/?$',
      description: 'The server: `smtp://HOST[:587]`, or with TLS from the beginning `smtps://HOST[:465]`.',
    }),
    from: Type.String({
      minLength: 3,
      maxLength: 320,
      description: 'Sender, such as `Devices <devices@example.com>`.',
    }),
    user: Type.Optional(Type.String({ minLength: 1 })),
    password: Type.Optional(secretSchema),
    startTls: Type.Optional(
      Type.Union([Type.Literal('required'), Type.Literal('never')], {
        description: 'Whether `smtp://` has to switch to TLS before anything is sent: `required` by default.',
      }),
    ),
  },
  { description: 'For invitations and for other passwords. Needs `publicUrl`.' },
);

export type MailSettings = Static<typeof mailSchema>;
