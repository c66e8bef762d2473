import { Type } from 'typebox';
import { secretSchema } from './secret.ts';

export const metricsSchema = Type.Object(
  {
    listen: Type.Optional(
      Type.String({
        pattern: '^(\\[[0-9a-fA-F:.]+\\]|[^:\\s]+):[0-9]{1,5}$',
        description: 'Address and port at which /metrics is served, such as 127.0.0.1:9464.',
      }),
    ),
    token: Type.Optional({
      ...secretSchema,
      description:
        'Without `listen`, /metrics is on the port of the server for whoever has this token, of 16 characters or more.',
    }),
  },
  { minProperties: 1 },
);
