import { signal } from '@preact/signals';
import de from './de.json';
import en from './en.json';
import { chosenLanguage, localeOf, readCatalogue, Texts, type Values } from './texts.ts';

/** Address of the texts of each language that comes with the dashboard. */
const catalogues: Readonly<Record<string, string>> = { en, de };

/** The languages of the server, and addresses of texts in the place of ours. */
export interface Languages {
  readonly available: readonly string[];
  readonly replaced: Readonly<Record<string, string>>;
  /** In the place of the name that we have. */
  readonly name: string | null;
}

let languages: Languages = { available: Object.keys(catalogues), replaced: {}, name: null };
export function setLanguages(given: Languages): void {
  languages = given;
}
/** Code and name, which is in the language itself. */
export const offeredLanguages = (): (readonly [string, string])[] =>
  languages.available.map((code) => {
    const name = new Intl.DisplayNames([code], { type: 'language' }).of(code) ?? code;
    return [code, name.slice(0, 1).toLocaleUpperCase(code) + name.slice(1)];
  });

const texts = signal(new Texts('en', {}));

/** Says a text in the language of the page. */
export const t = (key: string, values?: Values): string => texts.value.say(key, values);
export const hasText = (key: string): boolean => texts.value.has(key);
/** Of dates and numbers. */
export const locale = (): string => localeOf(texts.value.language, navigator.languages);

export const language = (): string => texts.value.language;

export async function useLanguage(wanted: string | undefined): Promise<void> {
  const { available, replaced, name } = languages;
  const all = [...(wanted ? [wanted] : []), ...navigator.languages];
  const chosen = chosenLanguage(all, available, available[0] ?? 'en');
  const [ours, theirs] = await Promise.all([
    readCatalogue(catalogues[chosen] ?? en),
    readCatalogue(replaced[chosen]),
  ]);
  const catalogue = { ...ours, ...(name === null ? {} : { brand: name }), ...theirs };
  texts.value = new Texts(chosen, catalogue, localeOf(chosen, navigator.languages));
  document.documentElement.lang = chosen;
}
