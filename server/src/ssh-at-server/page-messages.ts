import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { Type } from 'typebox';
import { closed } from '../api/closed.ts';
import { limits } from '../ssh/limits.ts';
import type { PageMessage } from '../ssh/messages.ts';

const text = Type.String({ maxLength: limits.answerLength });
const count = Type.Integer({ minimum: 1, maximum: 65_535 });
const size = { columns: count, rows: count };
const orNull = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
const base64 = Type.String({ maxLength: 128, pattern: '^[A-Za-z0-9+/]+={0,2}$' });

export const pageMessageSchema = Type.Union([
  closed(
    Type.Object({
      type: Type.Literal('begin'),
      known: orNull(Type.String({ pattern: '^[a-z0-9@.-]{1,64}$' })),
    }),
  ),
  closed(Type.Object({ type: Type.Literal('password'), user: text, password: text })),
  closed(Type.Object({ type: Type.Literal('key'), user: text, publicKey: base64 })),
  closed(
    Type.Object({
      type: Type.Literal('answers'),
      answers: orNull(Type.Array(text, { maxItems: limits.questions })),
    }),
  ),
  closed(Type.Object({ type: Type.Literal('signature'), signature: orNull(base64) })),
  closed(Type.Object({ type: Type.Literal('shell'), ...size })),
  closed(Type.Object({ type: Type.Literal('resize'), ...size })),
  closed(Type.Object({ type: Type.Literal('alive') })),
  closed(
    Type.Object({
      type: Type.Literal('taken'),
      bytes: Type.Integer({ minimum: 1, maximum: limits.windowBytes }),
    }),
  ),
]);

/** Compiled with the first message. */
let validate: ValidateFunction<PageMessage> | null = null;

/** `null`: this is no message of a page. */
export function readPageMessage(received: string): PageMessage | null {
  try {
    const value: unknown = JSON.parse(received);
    validate ??= new Ajv2020({ validateSchema: false, strict: false }).compile(pageMessageSchema);
    return validate(value) ? value : null;
  } catch {
    return null;
  }
}
