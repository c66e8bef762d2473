import { signal } from '@preact/signals';
import { type Catalogue, chosenLanguage, Texts, type Values } from '../../../dashboard/src/texts/texts.ts';
import de from './de.json';
import en from './en.json';

/** Address of the texts of each language. */
const catalogues: Readonly<Record<string, string>> = { en, de };
const texts = signal(new Texts('en', {}));

/** Says a text in the language of the page. */
export const t = (key: string, values?: Values): string => texts.value.say(key, values);
export const language = (): string => texts.value.language;

/** `wanted`: that of the dashboard. Rejects when the server cannot be reached. */
export async function useLanguage(wanted: string | undefined): Promise<void> {
  const all = [...(wanted ? [wanted] : []), ...navigator.languages];
  const chosen = chosenLanguage(all, Object.keys(catalogues), 'en');
  const response = await fetch(catalogues[chosen] ?? en);
  if (!response.ok) throw new Error(`texts: ${response.status}`);
  texts.value = new Texts(chosen, (await response.json()) as Catalogue);
  document.documentElement.lang = chosen;
}
