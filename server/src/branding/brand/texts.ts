import { ConfigurationError } from 'rm-reflector/program';
import { de } from './texts/de.ts';
import { en } from './texts/en.ts';

/** Texts by key. */
export type Catalogue = Readonly<Record<string, string>>;

/** What the server says on its own pages, in the languages that come with it. */
export const ownTexts: ReadonlyMap<string, Catalogue> = new Map([
  ['en', en],
  ['de', de],
]);

/** Texts that are one line: titles, subjects. */
const oneLine = /(^|\.)(title|subject)$/;

/**
 * Reads the texts of a file. `known`: English texts by key, whose values a text may use; `null`: those of the dashboard, terminal
 * and desktop are not known, because they are not built. Throws `ConfigurationError`.
 */
export function readTexts(json: string, file: string, known: Catalogue | null): Map<string, string> {
  const fail = (path: string, reason: string): never => {
    throw new ConfigurationError(`${file}: ${path === '' ? '' : `${path}: `}${reason}`);
  };
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return fail('', `is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return fail('', 'must be an object of texts by key');
  }
  const texts = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') return fail(key, 'must be a text');
    const english = englishOf(key, known);
    if (english === undefined) {
      if (known !== null || key in en) return fail(key, 'is no text of the server');
      texts.set(key, text);
      continue;
    }
    const names = new Set(placeholders(english));
    const unknown = placeholders(text).find((name) => !names.has(name));
    if (unknown !== undefined) {
      const allowed =
        names.size === 0 ? 'has no values' : `has ${[...names].map((name) => `{${name}}`).join(', ')}`;
      return fail(key, `{${unknown}} is unknown: this text ${allowed}`);
    }
    if (oneLine.test(key) && /\p{Cc}/u.test(text)) return fail(key, 'must be one line');
    if (/^mail\..*\.text$/.test(key) && !text.includes('{link}')) {
      return fail(key, 'must have {link}: nobody could set a password without it');
    }
    texts.set(key, text);
  }
  return texts;
}

/** Keys that count end with a category of CLDR; each language has others. */
function englishOf(key: string, known: Catalogue | null): string | undefined {
  const of = (one: string) => {
    if (Object.hasOwn(en, one)) return en[one];
    return known !== null && Object.hasOwn(known, one) ? known[one] : undefined;
  };
  const counted = /^(.+)\.(zero|one|two|few|many|other)$/.exec(key)?.[1];
  return of(key) ?? (counted === undefined ? undefined : of(`${counted}.other`));
}

function placeholders(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
}
