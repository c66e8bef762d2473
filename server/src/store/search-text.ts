/** Longest text to search for, in characters, and most words in it; further words are not looked at. */
export const searchBounds = { characters: 100, words: 8 } as const;

/** Most trigrams of one word that the index is asked for; the text itself is compared in any case. */
const trigramsPerWord = 12;

/** One word of a search. */
export interface SearchWord {
  /** The spellings that the lower-cased text may have; SQLite lower-cases ASCII letters only. */
  readonly spellings: readonly string[];
  /** As the trigram index folds it. */
  readonly folded: string;
}

/** The words of a search: a device is found when its text contains all of them, in any order. */
export function searchWords(text: string): SearchWord[] {
  const words = text
    .slice(0, searchBounds.characters)
    .split(/[\s\0]+/u)
    .filter((word) => word !== '');
  return [...new Set(words)].slice(0, searchBounds.words).map((word) => {
    const lower = word.toLowerCase();
    const [first = '', ...rest] = lower;
    const spellings = [word, lower, word.toUpperCase(), first.toUpperCase() + rest.join('')];
    return { spellings: [...new Set(spellings.map(asciiLower))], folded: lower };
  });
}

/** An FTS5 expression that is true of every text with these words, and of few others; `null`: none is long enough. */
export function trigramExpression(words: readonly SearchWord[]): string | null {
  const trigrams = new Set(words.flatMap(({ folded }) => trigramsOf(folded)));
  if (trigrams.size === 0) return null;
  return [...trigrams].map((trigram) => `"${trigram.replaceAll('"', '""')}"`).join(' AND ');
}

/** The first and the last trigram and some between them. */
function trigramsOf(word: string): string[] {
  const characters = [...word];
  const count = characters.length - 2;
  if (count < 1) return [];
  const asked = Math.min(count, trigramsPerWord);
  return Array.from({ length: asked }, (_, n) => {
    const at = asked === 1 ? 0 : Math.round((n * (count - 1)) / (asked - 1));
    return characters.slice(at, at + 3).join('');
  });
}

/** Whether an index of trigrams of letters and digits helps to find texts with this one. */
export function hasTrigram(text: string): boolean {
  return /[a-z0-9]{3}/i.test(text);
}

/** The pattern of `LIKE` for texts with this one in them. */
export function likeContains(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}

/** As the engines do it: other letters stay. */
export function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
