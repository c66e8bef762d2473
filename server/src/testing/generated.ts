import fc from 'fast-check';

/** A JSON schema, as far as the descriptions of endpoints use it. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
}

/** What no program should choke on, wherever it comes. */
const nasty = fc.constantFrom<unknown>(
  null,
  true,
  -1,
  1e308,
  2 ** 53,
  '',
  ' ',
  '\u0000',
  '\ud800',
  '%00',
  '../../etc/passwd',
  "' OR 1=1 --",
  '"; DROP TABLE devices; --',
  '<script>alert(1)</script>',
  '__proto__',
  'constructor',
  '\u202e\u212a',
  'x'.repeat(10_000),
  '*',
  'NEAR(a b)',
  '"',
  [],
  {},
  { __proto__: null, constructor: 1 },
);

/** Values of the schema: mostly right ones, and some that are wrong in one place. */
export function valuesOf(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 12, arbitrary: right(schema) }, { weight: 1, arbitrary: nasty });
}

function right(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(valuesOf));
  switch (schema.type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return fc.integer({ min: schema.minimum ?? -1_000, max: schema.maximum ?? 2_000_000_000 });
    case 'string':
      return text(schema);
    case 'array':
      return fc.array(valuesOf(schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 3, 3),
      });
    case 'object':
      return object(schema);
    default:
      return nasty;
  }
}

function text({ pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<unknown> {
  const plain = fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 40)) });
  if (pattern === undefined) return fc.oneof(plain, fc.constantFrom('alice', 'bob', 'pump-7', 'd'));
  try {
    return fc.oneof(fc.stringMatching(new RegExp(pattern)), plain);
  } catch {
    return plain;
  }
}

function object({
  properties = {},
  required = [],
  additionalProperties,
  patternProperties,
}: Schema): fc.Arbitrary<unknown> {
  const known = fc.record(
    Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, valuesOf(schema)])),
    { requiredKeys: required.filter((name) => name in properties) },
  );
  const rest =
    typeof additionalProperties === 'object'
      ? additionalProperties
      : Object.values(patternProperties ?? {})[0];
  const others = rest
    ? fc.dictionary(fc.string({ maxLength: 20 }), valuesOf(rest), { maxKeys: 3 })
    : fc.constant<Record<string, unknown>>({});
  return fc.tuple(known, others).map(([first, second]) => ({ ...second, ...first }));
}
