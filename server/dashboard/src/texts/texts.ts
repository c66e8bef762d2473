/** Texts of a language by key. `{name}` stands for a value; keys that count end with `.one` and `.other` (CLDR). */
export type Catalogue = Readonly<Record<string, string>>;
export type Values = Readonly<Record<string, string | number>>;

/** Says texts of one language. A key that it lacks is said as it is, so that the lack is seen. */
export class Texts {
  readonly language: string;
  readonly #catalogue: Catalogue;
  readonly #plural: Intl.PluralRules;
  readonly #number: Intl.NumberFormat;

  /** `locale`: how numbers look. */
  constructor(language: string, catalogue: Catalogue, locale = language) {
    this.language = language;
    this.#catalogue = catalogue;
    this.#plural = new Intl.PluralRules(language);
    this.#number = new Intl.NumberFormat(locale);
  }

  /** `values.n` is what is counted. */
  say(key: string, values: Values = {}): string {
    const { n } = values;
    const counted = typeof n === 'number' ? `${key}.${this.#plural.select(n)}` : key;
    const text = this.#text(counted) ?? this.#text(`${key}.other`) ?? this.#text(key) ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
      if (!Object.hasOwn(values, name)) return whole;
      const value = values[name];
      return typeof value === 'number' ? this.#number.format(value) : String(value);
    });
  }

  has(key: string): boolean {
    return this.#text(key) !== undefined;
  }

  #text(key: string): string | undefined {
    return Object.hasOwn(this.#catalogue, key) ? this.#catalogue[key] : undefined;
  }
}

/** Reads the texts at this address; `undefined`: there are none. Rejects when the server cannot be reached. */
export async function readCatalogue(address: string | undefined): Promise<Catalogue> {
  if (address === undefined) return {};
  const response = await fetch(address);
  if (!response.ok) throw new Error(`texts: ${response.status}`);
  return (await response.json()) as Catalogue;
}

/** The first language that is wanted and there; the regions of a language count as the language. */
export function chosenLanguage(
  wanted: readonly string[],
  available: readonly string[],
  otherwise: string,
): string {
  for (const language of wanted) {
    const [primary = ''] = language.toLowerCase().split('-');
    if (available.includes(primary)) return primary;
  }
  return otherwise;
}

/** `language` in the region that the browser has for it, if any (BCP 47): it decides how dates and numbers look. */
export const localeOf = (language: string, wanted: readonly string[]): string =>
  wanted.find((one) => one.toLowerCase().split('-')[0] === language) ?? language;
