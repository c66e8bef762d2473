/**
 * The schema of what a caller sends: objects take no other properties than those that they name, unless they say so. A name that
 * is spelled wrong is an error then, and is not ignored.
 */
export function closed<Schema extends object>(schema: Schema): Schema {
  return close(schema) as Schema;
}

function close(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(close);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    // Values, which only look like schemas.
    copy[key] = ['default', 'const', 'enum', 'examples'].includes(key) ? value : close(value);
  }
  if (
    copy.type === 'object' &&
    typeof copy.properties === 'object' &&
    copy.additionalProperties === undefined
  ) {
    copy.additionalProperties = false;
  }
  return copy;
}
