import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { TSchema } from 'typebox';
import { type FieldFault, Problem } from './problem.ts';

/** Values in an address are texts. */
const ofAddresses = new Ajv2020({
  allErrors: true,
  coerceTypes: 'array',
  useDefaults: true,
  strict: false,
  verbose: true,
});
const ofBodies = new Ajv2020({ allErrors: true, useDefaults: true, strict: false, verbose: true });

/** More say nothing more to a person. */
const faultsTold = 20;

export type Place = 'query' | 'path' | 'body';

/** A check of values that come to `place`. It fills in defaults. Throws a {@link Problem} that names each field. */
export function validator<Value>(schema: TSchema, place: Place): (value: unknown) => Value {
  const validate = (place === 'body' ? ofBodies : ofAddresses).compile(schema) as ValidateFunction<Value>;
  return (value) => {
    if (validate(value)) return value;
    const errors = faults(validate.errors ?? [], place);
    throw new Problem(place === 'path' ? 404 : 400, 'The call does not fit its description', {
      detail: `${errors[0]?.field}: ${errors[0]?.detail}`,
      errors,
    });
  };
}

function faults(errors: readonly ErrorObject[], place: Place): FieldFault[] {
  const told = new Map<string, FieldFault>();
  for (const error of errors) {
    const field = fieldOf(error, place);
    // Of the branches of a union, the first tells enough, unless it is one of several values.
    if (!told.has(field) && told.size < faultsTold)
      told.set(field, { field, detail: choice(errors, error) ?? detailOf(error) });
  }
  return [...told.values()];
}

/** What is allowed where a union consists of single values. */
function choice(errors: readonly ErrorObject[], { instancePath }: ErrorObject): string | null {
  const here = errors.filter((error) => error.instancePath === instancePath && error.keyword !== 'anyOf');
  const values = new Set(here.map(({ params }) => params.allowedValue));
  if (values.size < 2 || here.some(({ keyword }) => keyword !== 'const')) return null;
  return `must be one of ${[...values].join(', ')}`;
}

function fieldOf({ instancePath, keyword, params }: ErrorObject, place: Place): string {
  let pointer = instancePath;
  if (keyword === 'required') pointer += `/${escapeSegment(String(params.missingProperty))}`;
  if (keyword === 'additionalProperties') pointer += `/${escapeSegment(String(params.additionalProperty))}`;
  return place === 'body' ? pointer : `#${place}${pointer}`;
}

function detailOf({ keyword, params, message, parentSchema }: ErrorObject): string {
  switch (keyword) {
    case 'required':
      return 'is missing';
    case 'additionalProperties':
      return 'is unknown';
    case 'enum':
      return `must be one of ${(params.allowedValues as unknown[]).join(', ')}`;
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}`;
    case 'pattern': {
      const description: unknown = parentSchema?.description;
      return typeof description === 'string'
        ? `${message} (${description.replace(/\.$/, '')})`
        : (message ?? '');
    }
    default:
      return message ?? 'is wrong';
  }
}

/** RFC 6901 section 3. */
function escapeSegment(text: string): string {
  return text.replaceAll('~', '~0').replaceAll('/', '~1');
}
