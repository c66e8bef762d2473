import { type Lines, listOf, valuesOf } from './fields.ts';

/** Fields that make a request conditional (RFC 9110 section 13.1). */
export const conditionFields: ReadonlySet<string> = new Set([
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
]);

const entityTags = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;

/** Without the mark of a weak one: the weak comparison (RFC 9110 section 8.8.3.2). */
function opaque(tag: string): string {
  return tag.replace(/^W\//, '');
}

/** The entity tag of an answer; `null`: none that can be compared. */
export function entityTagOf(answer: Lines): string | null {
  const [tag, ...others] = valuesOf(answer, 'etag').map((value) => value.trim());
  return tag !== undefined && others.length === 0 && /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/.test(tag)
    ? tag
    : null;
}

function lastModifiedOf(answer: Lines): string | null {
  const [date, ...others] = valuesOf(answer, 'last-modified');
  return date !== undefined && others.length === 0 && Number.isFinite(Date.parse(date)) ? date : null;
}

/** The user has this answer (RFC 9110 section 13.2.2): it gets 304. */
export function isKnown(request: Lines, answer: Lines): boolean {
  const tags = listOf(request, 'if-none-match');
  if (tags !== null) {
    if (tags.trim() === '*') return true;
    const tag = entityTagOf(answer);
    return tag !== null && (tags.match(entityTags) ?? []).some((one) => opaque(one) === opaque(tag));
  }
  const [since, ...others] = valuesOf(request, 'if-modified-since');
  const modified = lastModifiedOf(answer);
  if (since === undefined || others.length > 0 || modified === null) return false;
  return Date.parse(modified) <= Date.parse(since);
}

/** Lines that ask the device whether this answer still holds; none: it has nothing to ask by. */
export function conditionsFor(answer: Lines): string[] {
  const [tag, modified] = [entityTagOf(answer), lastModifiedOf(answer)];
  return [
    ...(tag === null ? [] : ['If-None-Match', tag]),
    ...(modified === null ? [] : ['If-Modified-Since', modified]),
  ];
}

/** A 304 is about this answer (RFC 9111 section 4.3.4). One without a validator answers what it was asked, as `otherwise` says. */
export function isAbout(notModified: Lines, answer: Lines, otherwise: boolean): boolean {
  const tag = entityTagOf(notModified);
  const known = entityTagOf(answer);
  if (tag !== null) return known !== null && opaque(tag) === opaque(known);
  const modified = lastModifiedOf(notModified);
  return modified === null ? otherwise : modified === lastModifiedOf(answer);
}
