/**
 * Without blanks and tabs at both ends: what HTTP allows around a value (RFC 9110 section 5.6.3), and no more.
 * `String.trim` also takes U+00A0, which is the last byte of many characters in UTF-8 when one character is one byte.
 */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text, start)) start++;
  while (end > start && isBlank(text, end - 1)) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function isBlank(text: string, at: number): boolean {
  return text[at] === ' ' || text[at] === '\t';
}
