import type { ErrorObject } from 'ajv/dist/2020.js';

/** What is wrong with a value that does not fit its schema, beginning with its place. */
export function explain({ instancePath, keyword, params, message, parentSchema }: ErrorObject): string {
  const path = instancePath
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
    .filter((segment) => segment !== '');
  if (keyword === 'required') return `${[...path, params.missingProperty].join('.')}: is missing`;
  if (keyword === 'additionalProperties')
    return `${[...path, params.additionalProperty].join('.')}: is unknown`;
  const description: unknown = keyword === 'pattern' ? parentSchema?.description : undefined;
  const place = path.length === 0 ? '' : `${path.join('.')}: `;
  if (typeof description === 'string') return `${place}${message} (${description.replace(/\.$/, '')})`;
  const allowed =
    keyword === 'enum' ? `must be one of ${(params.allowedValues as unknown[]).join(', ')}` : message;
  return `${place}${allowed}`;
}
