import { type Json, type JsonObject, memberPath } from './json.ts';
import { nearest } from './nearest.ts';
import {
  allowed,
  type ListSchema,
  type MapSchema,
  type ObjectSchema,
  object,
  requiredKeys,
  type Schema,
  type TextSchema,
  text,
  type UnionSchema,
  type Value,
} from './schema.ts';
import { inUnit } from './units.ts';

export interface Problem {
  /** Where in the document: `services[1].port`; `''` is the document itself. */
  readonly path: string;
  /** What was found and what is allowed, in one line. */
  readonly message: string;
  /** It may vanish without an edit of the document. */
  readonly transient?: boolean;
}

export type Validated<S> = { readonly value: Value<S> } | { readonly problems: readonly Problem[] };

/** Replaces the variables in a string; calls `fail` with the reason for each that it cannot replace. */
export type Expand = (
  text: string,
  fail: (message: string, transient?: boolean) => void,
  confidential: boolean | undefined,
) => string;

/** Checks `json` against `schema` and collects every problem. Absent keys get their defaults; every string is expanded. */
export function validate<S extends Schema>(schema: S, json: Json, expand: Expand): Validated<S> {
  const validation = new Validation(expand);
  const value = validation.value(schema, json, '');
  return validation.problems.length > 0 ? { problems: validation.problems } : { value: value as Value<S> };
}

/** What stands in the file, short enough for one line. */
function found(json: Json, hidden: boolean | undefined): string {
  if (json === null) return 'null';
  if (Array.isArray(json)) return json.length === 0 ? 'an empty array' : 'an array';
  if (typeof json === 'object') return 'an object';
  if (hidden) return typeof json === 'string' ? 'text' : `a ${typeof json}`;
  const source = JSON.stringify(json);
  return source.length > 60 ? `${source.slice(0, 57)}…${source.slice(-1)}` : source;
}

function isObject(json: Json): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

const fileReference = object({ file: text('an absolute path without "}"', /^\/[^\x00-\x1f\x7f}]*$/) });

class Validation {
  readonly problems: Problem[] = [];
  readonly #expand: Expand;

  constructor(expand: Expand) {
    this.#expand = expand;
  }

  /** The value, or something that must not be used when it has added to `problems`. */
  value(schema: Schema, json: Json, path: string): unknown {
    if (json === null && schema.nullable) return null;
    switch (schema.type) {
      case 'text':
        if (typeof json === 'string') return this.#text(schema, json, path);
        if (schema.fromFile && isObject(json)) return this.#fromFile(schema, json, path);
        break;
      case 'integer': {
        const value = typeof json === 'string' ? inUnit(json, schema.unit) : json;
        if (
          typeof value === 'number' &&
          Number.isInteger(value) &&
          value >= schema.min &&
          value <= schema.max
        )
          return value;
        break;
      }
      case 'number':
        if (typeof json === 'number' && Number.isFinite(json)) return json;
        break;
      case 'flag':
        if (typeof json === 'boolean') return json;
        break;
      case 'choice':
        if (typeof json === 'string' && schema.values.includes(json)) return json;
        break;
      case 'list':
        if (Array.isArray(json)) return this.#list(schema, json, path);
        break;
      case 'map':
        if (isObject(json)) return this.#map(schema, json, path);
        break;
      case 'object':
        if (isObject(json)) return this.#object(schema, json, path);
        break;
      case 'union':
        return this.#union(schema, json, path);
    }
    return this.#refuse(schema, json, path);
  }

  #problem(path: string, message: string, transient = false): void {
    this.problems.push(transient ? { path, message, transient } : { path, message });
  }

  #refuse(schema: Schema, json: Json, path: string, what = allowed(schema)): void {
    const orNull = schema.nullable ? ' or null' : '';
    this.#problem(path, `found ${found(json, schema.confidential)}, allowed is ${what}${orNull}`);
  }

  #text(schema: TextSchema, source: string, path: string): string {
    const before = this.problems.length;
    const text = this.#expand(
      source,
      (message, transient) => this.#problem(path, message, transient),
      schema.confidential,
    );
    if (this.problems.length > before) return text;
    if (text.length > schema.maxLength) {
      this.#problem(path, `found ${text.length} characters, allowed are ${schema.maxLength}`);
    } else if (!schema.pattern.test(text)) {
      this.#refuse(schema, text, path, schema.allowed);
    }
    return text;
  }

  /** `{ "file": "/etc/name" }` is another way to write `${file:/etc/name}`. */
  #fromFile(schema: TextSchema, json: JsonObject, path: string): string {
    const before = this.problems.length;
    const { file } = this.#object(fileReference, json, path);
    return this.problems.length > before ? '' : this.#text(schema, `\${file:${file}}`, path);
  }

  #list(schema: ListSchema, json: readonly Json[], path: string): unknown[] {
    if (json.length < schema.min || json.length > schema.max) {
      this.#problem(path, `found ${json.length} entries, allowed are ${schema.min} to ${schema.max}`);
    }
    const first = new Map<Json, string>();
    return json.map((item, index) => {
      const itemPath = memberPath(path, index);
      const value = this.value(schema.items, item, itemPath);
      const key = schema.unique;
      const member = key !== undefined && isObject(item) ? item[key] : undefined;
      if (key !== undefined && member !== undefined) {
        const other = first.get(member);
        if (other === undefined) first.set(member, itemPath);
        else
          this.#problem(
            memberPath(itemPath, key),
            `found ${found(member, false)}, which ${other} has already`,
          );
      }
      return value;
    });
  }

  #map(schema: MapSchema, json: JsonObject, path: string): Record<string, unknown> {
    const keys = Object.keys(json);
    if (keys.length > schema.max) {
      this.#problem(path, `found ${keys.length} entries, allowed are at most ${schema.max}`);
    }
    const result: Record<string, unknown> = Object.create(null);
    for (const key of keys) {
      const at = memberPath(path, key);
      if (key.length > schema.keys.maxLength || !schema.keys.pattern.test(key)) {
        this.#problem(at, `the key is not allowed, allowed is ${schema.keys.allowed}`);
      }
      result[key] = this.value(schema.values, json[key] ?? null, at);
    }
    return result;
  }

  #object(schema: ObjectSchema, json: JsonObject, path: string): Record<string, unknown> {
    const before = this.problems.length;
    const known = Object.keys(schema.keys);
    for (const key of Object.keys(json)) {
      if (!known.includes(key)) this.#unknown(key, known, path);
    }
    const result: Record<string, unknown> = Object.create(null);
    for (const key of known) {
      const member = schema.keys[key];
      if (member === undefined) continue;
      const at = memberPath(path, key);
      const source = Object.hasOwn(json, key) ? json[key] : (member.derived?.(json) ?? member.default);
      if (source === undefined && member.absentWith !== undefined && Object.hasOwn(json, member.absentWith))
        result[key] = null;
      else if (source === undefined) this.#problem(at, `missing, needed is ${allowed(member)}`);
      else result[key] = this.value(member, source, at);
    }
    if (schema.rule !== undefined && this.problems.length === before) {
      schema.rule(result as never, (key, message) => this.#problem(memberPath(path, key), message));
    }
    return result;
  }

  #unknown(key: string, known: readonly string[], path: string): void {
    const guess = nearest(key, known);
    const hint = guess === null ? `allowed are ${known.join(', ')}` : `did you mean "${guess}"?`;
    this.#problem(memberPath(path, key), `unknown key, ${hint}`);
  }

  #union(schema: UnionSchema, json: Json, path: string): unknown {
    const option = schema.options.find((candidate) => matches(candidate, json));
    return option === undefined ? this.#refuse(schema, json, path) : this.value(option, json, path);
  }
}

/** True when the messages of `schema` about `json` are the ones that help; otherwise the union speaks for all its options. */
function matches(schema: Schema, json: Json): boolean {
  switch (schema.type) {
    case 'text':
      return typeof json === 'string' || (schema.fromFile === true && isObject(json));
    case 'choice':
      return typeof json === 'string' && schema.values.includes(json);
    case 'integer':
      return typeof json === 'number' || (typeof json === 'string' && inUnit(json, schema.unit) !== null);
    case 'number':
      return typeof json === 'number';
    case 'flag':
      return typeof json === 'boolean';
    case 'list':
      return Array.isArray(json);
    case 'map':
      return isObject(json);
    case 'object':
      return isObject(json) && requiredKeys(schema).some((key) => key in json);
    case 'union':
      return schema.options.some((option) => matches(option, json));
  }
}
