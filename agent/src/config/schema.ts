import type { Json, JsonObject } from './json.ts';
import { example, type Unit } from './units.ts';

/**
 * A small schema language. A schema is plain data: {@link Value} is the TypeScript type of what it lets through,
 * `validate.ts` checks a document against it, `reference/` makes the JSON Schema and the documentation from it.
 *
 * A key without a default is required.
 */
export type Schema =
  | TextSchema
  | IntegerSchema
  | NumberSchema
  | FlagSchema
  | ChoiceSchema
  | ListSchema
  | MapSchema
  | ObjectSchema
  | UnionSchema;

interface Common {
  /** What an absent key means, as it would stand in the file. */
  readonly default?: Json;
  /** The same where it depends on the other members of the object; `null`: as `default` says. */
  readonly derived?: (members: JsonObject) => Json;
  readonly nullable?: true;
  /** The key may be absent, which is `null` then, if the object has this other one. */
  readonly absentWith?: string;
  /** The value is never shown, in error messages least of all. */
  readonly confidential?: true;
}

/** A string; `${…}` in it is expanded before it is checked. */
export interface TextSchema extends Common {
  readonly type: 'text';
  /** What is allowed, for error messages: "an absolute path". */
  readonly allowed: string;
  readonly pattern: RegExp;
  /** In UTF-16 code units. */
  readonly maxLength: number;
  /** `{ "file": … }`, an absolute path, may stand in its place. */
  readonly fromFile?: true;
}

/** With a unit, text such as `"30s"` is allowed too, and means so many of that unit. */
export interface IntegerSchema extends Common {
  readonly type: 'integer';
  readonly min: number;
  readonly max: number;
  readonly unit: Unit;
}

export interface NumberSchema extends Common {
  readonly type: 'number';
}

export interface FlagSchema extends Common {
  readonly type: 'flag';
}

export interface ChoiceSchema extends Common {
  readonly type: 'choice';
  readonly values: readonly string[];
}

export interface ListSchema extends Common {
  readonly type: 'list';
  readonly items: Schema;
  readonly min: number;
  readonly max: number;
  /** A key of the items that no two of them may have in common. */
  readonly unique?: string;
}

/** An object whose keys the user chooses. */
export interface MapSchema extends Common {
  readonly type: 'map';
  readonly keys: TextSchema;
  readonly values: Schema;
  readonly max: number;
}

export interface ObjectSchema extends Common {
  readonly type: 'object';
  readonly keys: Readonly<Record<string, Schema>>;
  /** Checks members against each other; called when each of them is valid by itself. */
  readonly rule?: (value: never, report: Report) => void;
}

/** The first option that has the JSON type of the value, and for an object a required key of it, is applied to the value. */
export interface UnionSchema extends Common {
  readonly type: 'union';
  readonly options: readonly Schema[];
}

/** Says what is wrong with the member `key`. */
export type Report = (key: string, message: string) => void;

/** The type of a value that has passed `S`; absent keys have their defaults. */
export type Value<S> = Schema extends S
  ? unknown
  : (S extends { readonly nullable: true } | { readonly absentWith: string } ? null : never) | Present<S>;

type Present<S> = S extends { readonly type: 'text' }
  ? string
  : S extends { readonly type: 'integer' | 'number' }
    ? number
    : S extends { readonly type: 'flag' }
      ? boolean
      : S extends { readonly type: 'choice'; readonly values: readonly (infer V)[] }
        ? V
        : S extends { readonly type: 'list'; readonly items: infer I }
          ? readonly Value<I>[]
          : S extends { readonly type: 'map'; readonly values: infer V }
            ? Readonly<Record<string, Value<V>>>
            : S extends { readonly type: 'object'; readonly keys: infer K }
              ? { readonly [N in keyof K]: Value<K[N]> }
              : S extends { readonly type: 'union'; readonly options: readonly (infer O)[] }
                ? Value<O>
                : never;

/** The type of what may stand in a document for `S`: a key with a default may be absent. */
export type Input<S> = Schema extends S
  ? unknown
  : (S extends { readonly nullable: true } ? null : never) | PresentInput<S>;

type PresentInput<S> = S extends { readonly type: 'text' }
  ? string | (S extends { readonly fromFile: true } ? { readonly file: string } : never)
  : S extends { readonly type: 'integer'; readonly unit: infer U }
    ? number | (U extends '' ? never : string)
    : S extends { readonly type: 'list'; readonly items: infer I }
      ? readonly Input<I>[]
      : S extends { readonly type: 'map'; readonly values: infer V }
        ? Readonly<Record<string, Input<V>>>
        : S extends { readonly type: 'object'; readonly keys: infer K }
          ? Flat<{ readonly [N in Required<K>]: Input<K[N]> } & { readonly [N in Optional<K>]?: Input<K[N]> }>
          : S extends { readonly type: 'union'; readonly options: readonly (infer O)[] }
            ? Input<O>
            : Present<S>;

type Optional<K> = {
  [N in keyof K]-?: K[N] extends { readonly default: Json } | { readonly absentWith: string } ? N : never;
}[keyof K];
type Required<K> = Exclude<keyof K, Optional<K>>;
type Flat<T> = { [N in keyof T]: T[N] };

/** Text of one line: no control characters. */
export const oneLine = /^[^\x00-\x1f\x7f]*$/;

export function text(allowed = 'text without control characters', pattern = oneLine, maxLength = 1024) {
  return { type: 'text', allowed, pattern, maxLength } as const;
}

type IntegerIn<U> = IntegerSchema & { readonly unit: U };

export function integer(min: number, max: number): IntegerIn<''>;
export function integer<const U extends Unit>(min: number, max: number, unit: U): IntegerIn<U>;
export function integer(min: number, max: number, unit: Unit = ''): IntegerSchema {
  return { type: 'integer', min, max, unit };
}

export function number() {
  return { type: 'number' } as const;
}

export function flag() {
  return { type: 'flag' } as const;
}

export function choice<const V extends readonly string[]>(...values: V) {
  return { type: 'choice', values } as const;
}

export function list<const I extends Schema>(items: I, min: number, max: number, unique?: string) {
  return { type: 'list', items, min, max, ...(unique === undefined ? {} : { unique }) } as const;
}

export function map<const V extends Schema>(keys: TextSchema, values: V, max: number) {
  return { type: 'map', keys, values, max } as const;
}

export function object<const K extends Readonly<Record<string, Schema>>>(
  keys: K,
  rule?: (value: { readonly [N in keyof K]: Value<K[N]> }, report: Report) => void,
) {
  return { type: 'object', keys, ...(rule === undefined ? {} : { rule }) } as const;
}

export function union<const O extends readonly Schema[]>(...options: O) {
  return { type: 'union', options } as const;
}

export function nullable<const S extends Schema>(schema: S) {
  return { ...schema, nullable: true } as const;
}

/** A key that may be absent or `null`, which is the same. */
export function optional<const S extends Schema>(schema: S) {
  return withDefault(nullable(schema), null);
}

export function withDefault<const S extends Schema>(schema: S, value: Json) {
  return { ...schema, default: value };
}

/** An absent key whose meaning follows from the other members, and is `value` where it does not. */
export function derived<const S extends Schema>(schema: S, value: Json, from: (members: JsonObject) => Json) {
  return { ...schema, default: value, derived: from };
}

export function absentWith<const S extends Schema>(other: string, schema: S) {
  return { ...schema, absentWith: other } as const;
}

export function fromFile<const S extends TextSchema>(schema: S) {
  return { ...schema, fromFile: true } as const;
}

export function confidential<const S extends Schema>(schema: S) {
  return { ...schema, confidential: true } as const;
}

/** What a schema lets through, in words for an error message. */
export function allowed(schema: Schema): string {
  switch (schema.type) {
    case 'text':
      return schema.fromFile ? `${schema.allowed}, or { "file": … }` : schema.allowed;
    case 'integer': {
      const { min, max, unit } = schema;
      return `an integer from ${min} to ${max}${unit && ` (${unit}) or ${example(unit)}`}`;
    }
    case 'number':
      return 'a number';
    case 'flag':
      return 'true or false';
    case 'choice':
      return `one of ${schema.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'list':
      return 'an array';
    case 'map':
      return 'an object';
    case 'object': {
      const required = requiredKeys(schema);
      return required.length === 0 ? 'an object' : `{ ${required.map((key) => `"${key}": …`).join(', ')} }`;
    }
    case 'union':
      return schema.options.map(allowed).join(' or ');
  }
}

export function requiredKeys(schema: ObjectSchema): string[] {
  return Object.keys(schema.keys).filter((key) => schema.keys[key]?.default === undefined);
}
