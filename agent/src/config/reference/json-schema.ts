import type { Json } from '../json.ts';
import { requiredKeys, type Schema } from '../schema.ts';
import { descriptions } from './descriptions.ts';

type Fragment = Readonly<Record<string, Json>>;

/**
 * `schema` as JSON Schema, draft 2020-12, for editors. It judges the text in the file, in which `${…}` is not yet
 * expanded, and does not know the rules between members: an editor accepts a little more than the agent.
 */
export function jsonSchema(schema: Schema, title: string): Fragment {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title, ...fragment(schema, '') };
}

function fragment(schema: Schema, path: string): Fragment {
  const description = descriptions[path]?.text;
  return {
    ...(description === undefined ? {} : { description: description.replaceAll('`', '') }),
    ...orNull(judged(schema, path), schema.nullable),
    ...(schema.default === undefined ? {} : { default: schema.default }),
  };
}

function orNull(judge: Fragment, nullable: boolean | undefined): Fragment {
  if (!nullable) return judge;
  return typeof judge.type === 'string' && judge.enum === undefined
    ? { ...judge, type: [judge.type, 'null'] }
    : { anyOf: [judge, { type: 'null' }] };
}

function judged(schema: Schema, path: string): Fragment {
  switch (schema.type) {
    case 'text':
      // A text with a variable is judged once it is expanded.
      return { type: 'string', pattern: `\\$\\{|${schema.pattern.source}`, maxLength: schema.maxLength };
    case 'integer':
      return { type: 'integer', minimum: schema.min, maximum: schema.max };
    case 'number':
      return { type: 'number' };
    case 'flag':
      return { type: 'boolean' };
    case 'choice':
      return { type: 'string', enum: schema.values };
    case 'list':
      return {
        type: 'array',
        minItems: schema.min,
        maxItems: schema.max,
        items: fragment(schema.items, `${path}[]`),
      };
    case 'map':
      return {
        type: 'object',
        maxProperties: schema.max,
        propertyNames: { pattern: schema.keys.pattern.source, maxLength: schema.keys.maxLength },
        additionalProperties: fragment(schema.values, `${path}.*`),
      };
    case 'object': {
      const required = requiredKeys(schema);
      return {
        type: 'object',
        ...(required.length === 0 ? {} : { required }),
        additionalProperties: false,
        properties: Object.fromEntries(
          Object.entries(schema.keys).map(([key, member]) => [
            key,
            fragment(member, path === '' ? key : `${path}.${key}`),
          ]),
        ),
      };
    }
    case 'union':
      return { anyOf: schema.options.map((option) => judged(option, path)) };
  }
}
