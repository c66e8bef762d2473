import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { configurationSchema } from '../configuration.ts';
import { type Json, parseJson } from '../json.ts';
import type { Schema } from '../schema.ts';
import { validate } from '../validate.ts';
import { descriptions } from './descriptions.ts';
import { jsonSchema } from './json-schema.ts';
import { keysOf } from './keys.ts';
import { keyTables } from './tables.ts';

// `npm run reference -w agent` writes what these tests compare.
const schemaFile = fileURLToPath(new URL('../../../rm-agent.schema.json', import.meta.url));
const page = fileURLToPath(new URL('../../../../docs/configuration.md', import.meta.url));

const operating = fileURLToPath(new URL('../../../../docs/operating.md', import.meta.url));

const keys = keysOf(configurationSchema);

function problems(schema: Schema, json: Json): unknown {
  const result = validate(schema, json, (text) => text.replace(/\$\{[^}]*\}/g, '0123456789ab'));
  return 'problems' in result ? result.problems : [];
}

function parse(text: string): Json {
  return parseJson(text, () => {});
}

describe('the descriptions', () => {
  it('are there for every key, and for no other', () => {
    expect(Object.keys(descriptions).sort()).toEqual([...new Set(keys.map(({ path }) => path))].sort());
  });

  it.each(keys.map(({ path, schema }) => [path, schema] as const))(
    '%s has an example that is right',
    (path, schema) => {
      expect(problems(schema, parse(descriptions[path]?.example ?? ''))).toEqual([]);
    },
  );
});

describe('the JSON Schema', () => {
  it('is the one in the package', async () => {
    const schema = jsonSchema(configurationSchema, 'Configuration of rm-agent');
    await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(schemaFile);
  });

  it('has patterns that validators compile, with the flag that they use', () => {
    const patterns = [
      ...JSON.stringify(jsonSchema(configurationSchema, '')).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g),
    ];
    expect(patterns.length).toBeGreaterThan(10);
    for (const [, pattern = ''] of patterns) expect(() => new RegExp(JSON.parse(pattern), 'u')).not.toThrow();
  });
});

describe('docs/configuration.md', () => {
  it('has every key as the schema has it', async () => {
    const text = readFileSync(page, 'utf8');
    const [head, , tail] = text.split(/(?<=<!-- keys -->\n)(.*)(?=<!-- end of keys -->)/s);
    expect(tail).toBeDefined();
    await expect(`${head}\n${keyTables(configurationSchema)}\n${tail}`).toMatchFileSnapshot(page);
  });

  it('has examples that are right, and so has docs/operating.md', () => {
    const least =
      '{ "reflector": "https://r/", "device": { "id": "a", "domain": "b" }, "services": [{ "port": 80 }]';
    const parts = [...readFileSync(operating, 'utf8').matchAll(/```json\n\{(.*?)```/gs)];
    expect(parts.length).toBeGreaterThan(3);
    for (const [, part = ''] of parts)
      expect([part, problems(configurationSchema, parse(`${least}, ${part}`))]).toEqual([part, []]);
  });

  it('has complete examples that are right', () => {
    const examples = [...readFileSync(page, 'utf8').matchAll(/```json\n(.*?)```/gs)].map(
      ([, example = '']) => example,
    );
    expect(examples).toHaveLength(3);
    for (const example of examples)
      expect([example, problems(configurationSchema, parse(example))]).toEqual([example, []]);
  });
});
