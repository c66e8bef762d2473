import { printable } from '../failure.ts';
import type { Column } from './action.ts';

/** A list, page by page: the first lines are there before the last page is. */
export interface ListText {
  page(records: readonly unknown[]): string;
  /** Behind the last page. */
  end(): string;
}

/** Records as a table, one a line, in columns as wide as those so far need. */
export function table(columns: readonly Column[]): ListText {
  let widths: readonly number[] = [];
  return {
    page(records) {
      const rows = records.map((record) => columns.map(([, field]) => cell(fieldOf(record, field))));
      if (widths.length === 0) rows.unshift(columns.map(([head]) => head));
      widths = widthsOf(rows, widths);
      return aligned(rows, widths);
    },
    end: () => '',
  };
}

/** As {@link json} shows the whole array. */
export function jsonList(): ListText {
  let isBegun = false;
  return {
    page: (records) =>
      records
        .map((one) => {
          const before = isBegun ? ',' : '[';
          isBegun = true;
          return `${before}\n  ${json(one).trimEnd().replaceAll('\n', '\n  ')}`;
        })
        .join(''),
    end: () => (isBegun ? '\n]\n' : '[]\n'),
  };
}

function widthsOf(rows: readonly (readonly string[])[], least: readonly number[] = []): number[] {
  return (rows[0] ?? []).map((_, i) => Math.max(least[i] ?? 0, ...rows.map((row) => row[i]?.length ?? 0)));
}

/** Rows of cells, one a line, in columns as wide as they need to be. */
export function aligned(
  rows: readonly (readonly string[])[],
  widths: readonly number[] = widthsOf(rows),
): string {
  if (rows.length === 0) return '';
  const line = (row: readonly string[]) =>
    row
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return `${rows.map(line).join('\n')}\n`;
}

/** One record, a field a line; what has fields of its own is indented. */
export function record(value: unknown, indent = ''): string {
  return Object.entries(Object(value) as Record<string, unknown>)
    .map(([name, field]) => {
      const nested = typeof field === 'object' && field !== null && !Array.isArray(field);
      return nested && Object.keys(field).length > 0
        ? `${indent}${printable(name)}:\n${record(field, `${indent}  `)}`
        : `${indent}${printable(name)}: ${cell(field)}\n`;
    })
    .join('');
}

/** What one field holds, for scripts; what has fields of its own as JSON, for a file. */
export function plain(value: unknown): string {
  return typeof value === 'object' ? json(value) : `${printable(String(value))}\n`;
}

/** As JSON, in which also what steers a terminal or turns its text around is escaped. */
export function json(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  return `${text.replace(steering, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}

/** Of what `printable` removes, that which JSON leaves as it is. */
const steering = /[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A field of a record; parts are separated by points. */
export function fieldOf(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, name) => {
    const fields = Object(inner) as Record<string, unknown>;
    return Object.hasOwn(fields, name) ? fields[name] : undefined;
  }, value);
}

function cell(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map(cell).join(',') || '-';
  if (typeof value === 'object') return printable(JSON.stringify(value));
  const text = printable(String(value));
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) ? `${text.slice(0, 16).replace('T', ' ')} UTC` : text;
}
