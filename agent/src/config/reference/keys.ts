import { allowed, type Schema } from '../schema.ts';

/** One key of a schema, or one kind of entry. */
export interface Key {
  /** `services[].port`; `[]` is any entry of a list, `*` any key of a map. */
  readonly path: string;
  readonly schema: Schema;
  readonly required: boolean;
}

/** Every key below `schema`, in the order in which the schema has them. */
export function keysOf(schema: Schema, path = ''): Key[] {
  const below = (member: Schema, at: string, required: boolean): Key[] => [
    { path: at, schema: member, required },
    ...keysOf(member, at),
  ];
  switch (schema.type) {
    case 'object':
      return Object.entries(schema.keys).flatMap(([key, member]) =>
        below(member, path === '' ? key : `${path}.${key}`, member.default === undefined),
      );
    case 'map':
      return below(schema.values, `${path}.*`, false);
    case 'list':
      return below(schema.items, `${path}[]`, false);
    case 'union':
      return schema.options.flatMap((option) => keysOf(option, path));
    default:
      return [];
  }
}

/** The type and bounds of a schema, for people. */
export function typeOf(schema: Schema): string {
  const orNull = schema.nullable ? ' or null' : '';
  switch (schema.type) {
    case 'text':
      return `${schema.allowed}, at most ${schema.maxLength} characters${schema.fromFile ? '; or { "file": … }' : ''}${orNull}`;
    case 'list':
      return `array of ${schema.min} to ${schema.max}${orNull}`;
    case 'map':
      return `object of at most ${schema.max}; keys: ${typeOf(schema.keys)}${orNull}`;
    case 'union':
      return schema.options.map((option) => typeOf(option)).join('; or ') + orNull;
    default:
      return allowed(schema) + orNull;
  }
}
