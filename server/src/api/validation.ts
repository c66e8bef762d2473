import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { TSchema } from 'typebox';
import { defaultLimits } from '../limits.ts';
import { wordsOf } from './pattern.ts';
import { type FieldFault, Problem } from './problem.ts';

/** Values in an address are texts. */
const ofAddresses = { coerceTypes: 'array' } as const;
const common = { useDefaults: true, strict: false, verbose: true };
const compilers = {
  address: {
    all: new Ajv2020({ ...common, ...ofAddresses, allErrors: true }),
    first: new Ajv2020({ ...common, ...ofAddresses }),
  },
  body: { all: new Ajv2020({ ...common, allErrors: true }), first: new Ajv2020(common) },
};

export type Place = 'query' | 'path' | 'body';

/**
 * A check of values that come to `place`. It fills in defaults. Throws a {@link Problem} that names each field; of more than
 * `limits.checkedValues` values, the first that is wrong: to look for all faults of a long body would stop the loop.
 */
export function validator<Value>(schema: TSchema, place: Place): (value: unknown) => Value {
  const { all, first } = compilers[place === 'body' ? 'body' : 'address'];
  // Compiled when they are needed: all of them take a third of a second, which every command and every worker would wait for.
  let findAll: ValidateFunction<Value> | null = null;
  let findFirst: ValidateFunction<Value> | null = null;
  const validateFor = (value: unknown) => {
    if (isShort(value)) {
      findAll ??= all.compile<Value>(schema);
      return findAll;
    }
    findFirst ??= first.compile<Value>(schema);
    return findFirst;
  };
  return (value) => {
    const validate = validateFor(value);
    if (validate(value)) return value;
    const errors = faults(validate.errors ?? [], place);
    throw new Problem(place === 'path' ? 404 : 400, 'The call does not fit its description', {
      detail: `${errors[0]?.field}: ${errors[0]?.detail}`,
      errors,
    });
  };
}

/** Whether it consists of at most `limits.checkedValues` values. */
function isShort(value: unknown): boolean {
  const waiting = [value];
  for (let seen = 0; waiting.length > 0; seen++) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null) continue;
    const inside = Object.values(next);
    if (seen + 1 + waiting.length + inside.length > defaultLimits.checkedValues) return false;
    waiting.push(...inside);
  }
  return true;
}

function faults(errors: readonly ErrorObject[], place: Place): FieldFault[] {
  const told = new Map<string, FieldFault>();
  for (const error of errors) {
    const field = fieldOf(error, place);
    // Of the branches of a union, the first tells enough, unless it is one of several values.
    if (!told.has(field) && told.size < defaultLimits.faultsTold)
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

function detailOf({ keyword, params, message }: ErrorObject): string {
  switch (keyword) {
    case 'required':
      return 'is missing';
    case 'additionalProperties':
      return 'is unknown';
    case 'enum':
      return `must be one of ${(params.allowedValues as unknown[]).join(', ')}`;
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}`;
    case 'pattern':
      return wordsOf(params.pattern) ?? message ?? '';
    default:
      return message ?? 'is wrong';
  }
}

/** RFC 6901 section 3. */
function escapeSegment(text: string): string {
  return text.replaceAll('~', '~0').replaceAll('/', '~1');
}
