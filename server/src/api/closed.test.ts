import { expect, test } from 'vitest';
import { closed } from './closed.ts';

test('objects take what they name, at every depth; those that say so take more', () => {
  const inner = { type: 'object', properties: { y: { type: 'string' } } };
  expect(
    closed({
      type: 'object',
      properties: {
        list: { type: 'array', items: inner },
        open: { type: 'object', properties: {}, additionalProperties: { type: 'string' } },
        map: { type: 'object', additionalProperties: inner },
        given: { type: 'object', properties: {}, default: { type: 'object', properties: {} } },
      },
    }),
  ).toEqual({
    type: 'object',
    additionalProperties: false,
    properties: {
      list: { type: 'array', items: { ...inner, additionalProperties: false } },
      open: { type: 'object', properties: {}, additionalProperties: { type: 'string' } },
      map: { type: 'object', additionalProperties: { ...inner, additionalProperties: false } },
      given: {
        type: 'object',
        properties: {},
        additionalProperties: false,
        default: { type: 'object', properties: {} },
      },
    },
  });
});
