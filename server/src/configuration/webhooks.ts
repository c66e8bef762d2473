import { Type } from 'typebox';

export const webhooksSchema = Type.Object({
  allow: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    maxItems: 100,
    description:
      'Addresses and networks such as 10.1.0.0/16 to which webhooks may lead though they are private, or without TLS.',
  }),
});
