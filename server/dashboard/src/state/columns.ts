/** Columns of the list of devices. Those of properties are `property:NAME`. */
export const knownColumns = [
  'state',
  'lastSeen',
  'domain',
  'tags',
  'version',
  'address',
  'services',
  'agent',
  'created',
] as const;
export type KnownColumn = (typeof knownColumns)[number];

/** Bounds of what can be shown, and of what the API takes. */
export const mostColumns = 12;
export const mostProperties = 8;

export const usualColumns: readonly string[] = ['state', 'lastSeen', 'domain', 'tags', 'version', 'address'];

const prefix = 'property:';

export function propertyColumn(name: string): string {
  return `${prefix}${name}`;
}

/** `null`: not of a property. */
export function propertyOf(column: string): string | null {
  return column.startsWith(prefix) ? column.slice(prefix.length) : null;
}

export function isKnown(column: string): column is KnownColumn {
  return knownColumns.some((one) => one === column);
}

/** What is left of columns that were kept somewhere: those that exist, each once, within the bounds. */
export function readColumns(kept: readonly string[] | undefined): readonly string[] {
  if (!kept) return usualColumns;
  let properties = 0;
  const columns = [...new Set(kept)].filter((column) => {
    const name = propertyOf(column);
    if (name === null) return isKnown(column);
    properties++;
    return name !== '' && properties <= mostProperties;
  });
  return columns.slice(0, mostColumns);
}

/** Names of properties to ask for. */
export function propertiesOf(columns: readonly string[]): string[] {
  return columns.map(propertyOf).filter((name) => name !== null);
}

const places: readonly string[] = knownColumns;

/** In its place again when it is known, else at the end; or away. */
export function toggleColumn(columns: readonly string[], column: string): readonly string[] {
  if (columns.includes(column)) return columns.filter((one) => one !== column);
  const added = [...columns, column];
  if (!isKnown(column)) return added;
  const place = (one: string) => {
    const index = places.indexOf(one);
    return index < 0 ? knownColumns.length : index;
  };
  return added.toSorted((a, b) => place(a) - place(b));
}
