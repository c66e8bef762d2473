/** What a key means. */
export interface Description {
  readonly text: string;
  /** As it stands in the file. */
  readonly example: string;
}

export function key(text: string, example: string): Description {
  return { text, example };
}
