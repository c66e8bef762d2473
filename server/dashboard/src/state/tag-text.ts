/** Tags as people type them: with commas between. */
export function readTags(text: string): string[] {
  return [...new Set(text.split(',').map((tag) => tag.trim()))].filter((tag) => tag !== '');
}

/** The one that is being typed. */
export const lastTag = (text: string): string => text.slice(text.lastIndexOf(',') + 1).trim();

/** What is typed, with this tag in the place of the last one. */
export function completed(text: string, tag: string): string {
  const before = text.slice(0, text.lastIndexOf(',') + 1);
  return before === '' ? tag : `${before} ${tag}`;
}
