import type { Schema } from '../schema.ts';
import { descriptions } from './descriptions.ts';
import { type Key, keysOf, typeOf } from './keys.ts';

/** The keys of `schema` as Markdown: a section for each member that has members of its own, then one for the rest. */
export function keyTables(schema: Schema): string {
  const keys = keysOf(schema);
  const top = keys.filter(({ path }) => !/[.[]/.test(path));
  const sections = top
    .map((key) => ({
      key,
      members: keys.filter(({ path }) => path.startsWith(`${key.path}.`) || path.startsWith(`${key.path}[`)),
    }))
    .map(({ key, members }) => [`### ${key.path}`, '', table([key, ...members])].join('\n'));
  return `${sections.join('\n\n')}\n`;
}

function table(keys: readonly Key[]): string {
  const rows = keys
    // What such an array holds is said with the array, or with the single thing that may stand in its place.
    .filter(({ path }) => !/(?:command|pins|ask|days|reflector|proxy|addresses\.\*)\[\]/.test(path))
    .map(({ path, schema, required }) => {
      const description = descriptions[path];
      const cells = [
        `\`${path}\``,
        escaped(typeOf(schema)),
        absent(path, schema, required),
        escaped(description?.text ?? ''),
        `\`${description?.example ?? ''}\``,
      ];
      return `| ${cells.join(' | ')} |`;
    });
  return [
    '| key | type and bounds | default | meaning | example |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function absent(path: string, schema: Schema, required: boolean): string {
  if (schema.derived || schema.absentWith) return 'see the meaning';
  if (schema.default !== undefined) return `\`${JSON.stringify(schema.default)}\``;
  return required && !/[\]*]$/.test(path) ? '**required**' : '';
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*');
}
