import { signal } from '@preact/signals';
import de from './de.json';
import en from './en.json';
import { type Catalogue, chosenLanguage, Texts, type Values } from './texts.ts';

/** Address of the texts of each language. */
const catalogues: Readonly<Record<string, string>> = { en, de };
/** Its name in itself. */
export const languages: Readonly<Record<string, string>> = { en: 'English', de: 'Deutsch' };

const texts = signal(new Texts('en', {}));

/** Says a text in the language of the page. */
export const t = (key: string, values?: Values): string => texts.value.say(key, values);
export const hasText = (key: string): boolean => texts.value.has(key);
/** BCP 47; the region, where the browser has one, decides how dates and numbers look. */
export const locale = (): string => {
  const { language } = texts.value;
  return navigator.languages.find((one) => one.toLowerCase().startsWith(language)) ?? language;
};

export async function useLanguage(wanted: string | undefined): Promise<void> {
  const all = [...(wanted ? [wanted] : []), ...navigator.languages];
  const language = chosenLanguage(all, Object.keys(catalogues), 'en');
  const response = await fetch(catalogues[language] ?? en);
  if (!response.ok) throw new Error(`texts: ${response.status}`);
  texts.value = new Texts(language, (await response.json()) as Catalogue);
  document.documentElement.lang = language;
}
