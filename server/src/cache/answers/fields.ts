/** The lines of a head: names and values in turn. */
export type Lines = readonly string[];

/** All values of a field; `name` in lower case. */
export function valuesOf(lines: Lines, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < lines.length; i += 2) {
    if (lines[i]?.toLowerCase() === name) values.push(lines[i + 1] ?? '');
  }
  return values;
}

/** The values of a list field as one; `null`: it is not there. */
export function listOf(lines: Lines, name: string): string | null {
  const values = valuesOf(lines, name);
  return values.length === 0 ? null : values.join(', ');
}

export function has(lines: Lines, ...names: readonly string[]): boolean {
  return names.some((name) => valuesOf(lines, name).length > 0);
}

/** Without the fields of these names, which are in lower case. */
export function without(lines: Lines, names: ReadonlySet<string>): string[] {
  return lines.filter((_text, i) => !names.has(lines[i - (i % 2)]?.toLowerCase() ?? ''));
}
