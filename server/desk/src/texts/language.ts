import { signal } from '@preact/signals';
import type { DeskBrand } from '../../../dashboard/src/desk/messages.ts';
import {
  chosenLanguage,
  localeOf,
  readCatalogue,
  Texts,
  type Values,
} from '../../../dashboard/src/texts/texts.ts';
import de from './de.json';
import en from './en.json';

/** Address of the texts of each language. */
const catalogues: Readonly<Record<string, string>> = { en, de };
const texts = signal(new Texts('en', {}));

/** Says a text in the language of the page. */
export const t = (key: string, values?: Values): string => texts.value.say(key, values);
/** Of dates and numbers. */
export const locale = (): string => localeOf(texts.value.language, navigator.languages);

/** How the keys of these pages begin in the texts of a brand. */
const prefix = 'desk.';

/** `wanted`, and the languages and texts of `brand`, are those of the dashboard. Rejects when the server cannot be reached. */
export async function useLanguage(wanted: string | undefined, brand: DeskBrand | undefined): Promise<void> {
  const available = brand?.languages ?? Object.keys(catalogues);
  const all = [...(wanted ? [wanted] : []), ...navigator.languages];
  const chosen = chosenLanguage(all, available, available[0] ?? 'en');
  const [ours, theirs] = await Promise.all([
    readCatalogue(catalogues[chosen] ?? en),
    // Without them, the page says what every server's says.
    readCatalogue(brand?.texts[chosen]).catch((): Readonly<Record<string, string>> => ({})),
  ]);
  const own = Object.entries(theirs)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, text]) => [key.slice(prefix.length), text] as const);
  const catalogue = { ...ours, ...Object.fromEntries(own) };
  texts.value = new Texts(chosen, catalogue, localeOf(chosen, navigator.languages));
  document.documentElement.lang = chosen;
}
