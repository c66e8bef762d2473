/** What a value must be, by the regular expression that says so to programs. */
const told = new Map<string, string>();

/** A regular expression for a schema, with what to tell somebody whose value does not match: "must …". */
export function matching(pattern: string, words: string): { readonly pattern: string } {
  told.set(pattern, words);
  return { pattern };
}

/** For a text that is shown in one line: `+`, or `*` where it may be empty. */
export function oneLine(count: '+' | '*'): { readonly pattern: string } {
  return matching(`^[^\\p{Cc}]${count}$`, 'must be one line without control characters');
}

/** `undefined`: nothing is known of it. */
export function wordsOf(pattern: unknown): string | undefined {
  return typeof pattern === 'string' ? told.get(pattern) : undefined;
}
