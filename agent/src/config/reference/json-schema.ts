import type { Json } from '../json.ts';
import { requiredKeys, type Schema, type TextSchema } from '../schema.ts';
import { pattern } from '../units.ts';
import { descriptions } from './descriptions.ts';

type Fragment = Readonly<Record<string, Json>>;

/**
 * `schema` as JSON Schema, draft 2020-12, for editors. It describes the text in the file, in which `${…}` is not yet
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
    ...(schema.default === undefined || schema.derived ? {} : { default: schema.default }),
  };
}

function orNull(judge: Fragment, nullable: boolean | undefined): Fragment {
  if (!nullable) return judge;
  const types = Array.isArray(judge.type) ? judge.type : [judge.type];
  return types[0] !== undefined && judge.enum === undefined
    ? { ...judge, type: [...types, 'null'] }
    : { anyOf: [judge, { type: 'null' }] };
}

const judgedFile: Fragment = {
  required: ['file'],
  additionalProperties: false,
  properties: { file: { type: 'string' } },
};

function judgedText({ pattern, maxLength }: TextSchema): Fragment {
  // A text with a variable is checked once it is expanded.
  return { type: 'string', pattern: `\\$\\{|${pattern.source}`, maxLength };
}

function judged(schema: Schema, path: string): Fragment {
  switch (schema.type) {
    case 'text':
      return schema.fromFile
        ? { anyOf: [judgedText(schema), { type: 'object', ...judgedFile }] }
        : judgedText(schema);
    case 'integer': {
      const { min: minimum, max: maximum, unit } = schema;
      if (unit === '') return { type: 'integer', minimum, maximum };
      // Bounds are for numbers alone and the pattern is for strings alone (draft 2020-12, section 6 of the validation).
      return { type: ['integer', 'string'], minimum, maximum, pattern: pattern(unit) };
    }
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
      const required = requiredKeys(schema).filter((key) => schema.keys[key]?.absentWith === undefined);
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
