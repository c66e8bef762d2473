import { ExitStatus, Failure } from '../failure.ts';
import type { Action, Field } from './action.ts';

type Given = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/**
 * What the options of an action say, as the fields of its query or body. `now` in wall-clock ms. Throws a {@link Failure}.
 */
export function fieldsOf({ options = {} }: Action, given: Given, now: number): Record<string, unknown> {
  const fields: Record<string, unknown> = Object.create(null);
  for (const [name, field] of Object.entries(options)) {
    const value = given[name];
    if (value === undefined || value === false) continue;
    put(fields, (field.to ?? camelCase(name)).split('.'), read(name, field, value, now));
  }
  return fields;
}

function put(
  fields: Record<string, unknown>,
  [first = '', ...rest]: readonly string[],
  value: unknown,
): void {
  if (rest.length === 0) {
    fields[first] = value;
    return;
  }
  const inner = (fields[first] ?? Object.create(null)) as Record<string, unknown>;
  fields[first] = inner;
  put(inner, rest, value);
}

function read(name: string, field: Field, given: string | boolean | readonly string[], now: number): unknown {
  const texts = Array.isArray(given) ? (given as readonly string[]) : [String(given)];
  const text = texts[0] ?? '';
  const wrong = (allowed: string): never => {
    throw new Failure(`--${name} ${text}: must be ${allowed}`, ExitStatus.usage);
  };
  if (field.nullable && text === 'none') return null;
  switch (field.type) {
    case 'flag':
      return field.value ?? true;
    case 'number':
      return /^\d{1,15}$/.test(text) ? Number(text) : wrong(field.nullable ? 'a number or none' : 'a number');
    case 'list':
      return texts.flatMap((one) => one.split(',')).filter((one) => one !== '');
    case 'ports':
      return text.split(',').map((port) => {
        if (port === 'web') return port;
        return /^\d{1,5}$/.test(port) ? Number(port) : wrong('port numbers and "web", separated by commas');
      });
    case 'pairs':
      return pairs(texts, wrong);
    case 'time':
      return time(text, now) ?? wrong('a time such as 2026-11-28, 2026-11-28T18:00Z or +8h, in 8 hours');
    default:
      return text;
  }
}

/** `NAME=VALUE`; `NAME=` takes it away. */
function pairs(texts: readonly string[], wrong: (allowed: string) => never): Record<string, string | null> {
  const found: Record<string, string | null> = Object.create(null);
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 1) wrong('NAME=VALUE, or NAME= to take it away');
    found[text.slice(0, at)] = text.slice(at + 1) || null;
  }
  return found;
}

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** RFC 3339 from a date, a time, or a duration from now; `null`: it is none of them. */
function time(text: string, now: number): string | null {
  const [, amount, unit = ''] = /^\+(\d{1,5})([mhd])$/.exec(text) ?? [];
  const ms = amount === undefined ? parsed(text) : now + Number(amount) * (units[unit] ?? 0);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}

function parsed(text: string): number {
  return /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
}

function camelCase(name: string): string {
  return name.replaceAll(/-[a-z]/g, (match) => match.slice(1).toUpperCase());
}
