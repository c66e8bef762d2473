import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { brandSchema } from '../branding/brand/schema.ts';
import { pageMessageSchema } from '../ssh-at-server/page-messages.ts';
import { configurationSchema } from './schema.ts';

// At run time they are not compared with it.
test.each([
  ['the configuration', configurationSchema],
  ['a brand', brandSchema],
  ['messages of pages', pageMessageSchema],
])('the schema of %s is one by the meta-schema', (_, schema) => {
  const ajv = new Ajv2020();
  expect(ajv.validateSchema({ ...schema, type: 'nothing' }), 'the comparison finds faults').toBe(false);
  expect([ajv.validateSchema(schema), ajv.errors]).toEqual([true, null]);
});
