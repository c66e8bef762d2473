import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { ConfigurationError } from 'rm-reflector/program';
import { explain } from '../../configuration/explain.ts';
import { tooAlike } from './contrast.ts';
import type { BrandFolder } from './folder.ts';
import { type BrandAsset, brandImage } from './image.ts';
import { type RenderedText, renderMarkdown } from './markdown.ts';
import { type BrandFile, brandSchema, type PasswordRules } from './schema.ts';
import { type Catalogue, ownTexts, readTexts } from './texts.ts';
import { type Palette, type Theme, tokens } from './tokens.ts';

/** A link at the foot of pages. `text`: by language. */
export interface BrandLink {
  readonly text: ReadonlyMap<string, string>;
  /** A path of the server, or an address elsewhere. */
  readonly address: string;
}

/** A brand as it was read: of the installation, or of a domain with what it takes over from the installation. */
export interface Brand {
  readonly name: string | null;
  readonly logo: Readonly<Record<Theme, BrandAsset>> | null;
  readonly icon: BrandAsset | null;
  readonly colors: Readonly<Record<Theme, ReadonlyMap<string, string>>>;
  readonly links: readonly BrandLink[];
  /** `null`: those of the dashboard. */
  readonly columns: readonly string[] | null;
  readonly hiddenProperties: readonly string[];
  readonly passwords: PasswordRules;
  /** The first is for readers who want none of them. */
  readonly languages: readonly string[];
  /** By language, besides those that come with the server. */
  readonly texts: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** By name, then by language; `''`: for other languages. */
  readonly pages: ReadonlyMap<string, ReadonlyMap<string, RenderedText>>;
  readonly assets: ReadonlyMap<string, BrandAsset>;
}

/** Without a brand. */
export const plainBrand: Brand = {
  name: null,
  logo: null,
  icon: null,
  colors: { light: new Map(), dark: new Map() },
  links: [],
  columns: null,
  hiddenProperties: [],
  passwords: {},
  languages: [...ownTexts.keys()],
  texts: new Map(),
  pages: new Map(),
  assets: new Map(),
};

/** Pages that are parts of others. */
export const partsOfPages = ['footer', 'log-in'] as const;

/** Compiled when there is a brand. */
let validate: ValidateFunction<BrandFile> | null = null;

/** Where the address of an asset begins. */
export const assetsPath = '/branding';
export const pagesPath = '/pages';

/**
 * Reads the brand in `place` of the folder (empty: at its top), over what it takes over from `base`. `known`: the English texts of
 * dashboard, terminal and desktop, or `null`. Throws `ConfigurationError` with the path of the fault.
 */
export function readBrand(folder: BrandFolder, place: string, base: Brand, known: Catalogue | null): Brand {
  return new Reader(folder, place, base, known).read();
}

class Reader {
  readonly #folder: BrandFolder;
  readonly #place: string;
  readonly #base: Brand;
  readonly #known: Catalogue | null;
  readonly #assets = new Map<string, BrandAsset>();
  readonly #images = new Map<string, BrandAsset>();

  constructor(folder: BrandFolder, place: string, base: Brand, known: Catalogue | null) {
    this.#folder = folder;
    this.#place = place;
    this.#base = base;
    this.#known = known;
  }

  read(): Brand {
    const base = this.#base;
    const file = this.#readFile();
    const texts = this.#readTexts();
    const languages = this.#languages(file, texts);
    const pages = this.#readPages(languages);
    const logo = file.logo === undefined ? base.logo : this.#logo(file.logo);
    const icon = file.icon === undefined ? base.icon : this.#image(file.icon, 'icon');
    const name = file.name ?? base.name;
    if (logo !== null && name === null) this.#fail('name', 'is missing, and the logo needs it as its words');
    const colors = this.#colors(file);
    const links = file.links === undefined ? base.links : this.#links(file.links, languages, pages);
    return {
      name,
      logo,
      icon,
      colors,
      links,
      columns: file.columns ?? base.columns,
      hiddenProperties: file.hiddenProperties ?? base.hiddenProperties,
      passwords: file.passwords ?? base.passwords,
      languages,
      texts,
      pages,
      assets: new Map([...base.assets, ...this.#assets]),
    };
  }

  #path(name: string): string {
    return join(this.#folder.path, this.#place, name);
  }

  #fail(path: string, reason: string): never {
    throw new ConfigurationError(`${this.#path('branding.json')}: ${path}: ${reason}`);
  }

  #readFile(): BrandFile {
    const path = this.#path('branding.json');
    const json = this.#folder.text(join(this.#place, 'branding.json'));
    if (json === null) throw new ConfigurationError(`${path}: no such file or directory`);
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch (error) {
      throw new ConfigurationError(`${path}: is not JSON: ${error instanceof Error ? error.message : error}`);
    }
    validate ??= new Ajv2020({ validateSchema: false, strict: false, verbose: true }).compile(brandSchema);
    if (validate(value)) return value;
    const [error] = validate.errors ?? [];
    throw new ConfigurationError(`${path}: ${error ? explain(error) : 'is wrong'}`);
  }

  #colors({ colors = {} }: BrandFile): Brand['colors'] {
    const read = (theme: Theme, index: 0 | 1) => {
      const own = new Map(this.#base.colors[theme]);
      for (const [name, color] of Object.entries(colors[theme] ?? {})) {
        if (color !== undefined) own.set(name, color);
      }
      const palette: Palette = (token) => own.get(token) ?? tokens[token][index];
      const [alike] = tooAlike(palette);
      if (alike) {
        const { of, on, has, least } = alike;
        const named = own.has(of) ? of : on;
        this.#fail(
          `colors.${theme}.${named}`,
          `${of} (${palette(of)}) on ${on} (${palette(on)}) has a contrast of ${Math.floor(has * 100) / 100}, and must have ${least} (WCAG AA)`,
        );
      }
      return own;
    };
    return { light: read('light', 0), dark: read('dark', 1) };
  }

  #logo(logo: NonNullable<BrandFile['logo']>): Brand['logo'] {
    if (typeof logo === 'string') {
      const image = this.#image(logo, 'logo');
      return { light: image, dark: image };
    }
    return { light: this.#image(logo.light, 'logo.light'), dark: this.#image(logo.dark, 'logo.dark') };
  }

  /** `where`: what names it. */
  #image(name: string, where: string): BrandAsset {
    const known = this.#images.get(name);
    if (known) return known;
    const content = this.#folder.bytes(join(this.#place, name));
    if (content === null) return this.#fail(where, `there is no file ${this.#path(name)}`);
    const asset = brandImage(content, this.#path(name));
    this.#images.set(name, asset);
    this.#assets.set(asset.name, asset);
    return asset;
  }

  #readTexts(): Map<string, Map<string, string>> {
    const texts = new Map([...this.#base.texts].map(([language, of]) => [language, new Map(of)]));
    for (const name of this.#folder.names(join(this.#place, 'texts'))) {
      const language = /^([a-z]{2,3})\.json$/.exec(name)?.[1];
      const path = this.#path(join('texts', name));
      if (language === undefined) {
        throw new ConfigurationError(`${path}: must be called LANGUAGE.json, such as de.json`);
      }
      const json = this.#folder.text(join(this.#place, 'texts', name)) ?? '{}';
      texts.set(language, new Map([...(texts.get(language) ?? []), ...readTexts(json, path, this.#known)]));
    }
    return texts;
  }

  #languages({ languages }: BrandFile, texts: ReadonlyMap<string, unknown>): readonly string[] {
    if (languages === undefined) {
      return this.#place === '' || texts.size > this.#base.texts.size
        ? [...new Set([...this.#base.languages, ...texts.keys()])]
        : this.#base.languages;
    }
    languages.forEach((language, index) => {
      if (!ownTexts.has(language) && !texts.has(language)) {
        this.#fail(
          `languages.${index}`,
          `there are no texts: ${this.#path(`texts/${language}.json`)} is missing`,
        );
      }
    });
    return languages;
  }

  #readPages(languages: readonly string[]): Map<string, Map<string, RenderedText>> {
    const pages = new Map([...this.#base.pages].map(([name, of]) => [name, new Map(of)]));
    const files = this.#folder.names(join(this.#place, 'pages')).map((file) => {
      const path = this.#path(join('pages', file));
      const [, name, language = ''] = /^([a-z0-9][a-z0-9-]{0,39})(?:\.([a-z]{2,3}))?\.md$/.exec(file) ?? [];
      if (name === undefined) {
        throw new ConfigurationError(
          `${path}: must be called NAME.md or NAME.LANGUAGE.md, in small letters, digits and "-"`,
        );
      }
      if (language !== '' && !languages.includes(language)) {
        throw new ConfigurationError(`${path}: ${language} is none of the languages ${languages.join(', ')}`);
      }
      return { file, path, name, language };
    });
    const own = new Set(files.map(({ name }) => name));
    for (const { file, path, name, language } of files) {
      const source = this.#folder.text(join(this.#place, 'pages', file)) ?? '';
      const rendered = renderMarkdown(source, {
        file: path,
        whole: !isPart(name),
        isPage: (one) => !isPart(one) && (own.has(one) || pages.has(one)),
        image: (image) => this.#imageOfPage(image, path),
      });
      // A page of its own replaces that of the installation in each language.
      const former = this.#base.pages.get(name);
      const present = pages.get(name);
      const texts =
        present === undefined || sameTexts(present, former) ? new Map<string, RenderedText>() : present;
      pages.set(name, texts.set(language, rendered));
    }
    return pages;
  }

  #imageOfPage(image: string, page: string): string {
    if (!/^(\.\.\/)?[A-Za-z0-9_-][A-Za-z0-9._/-]{0,99}\.(svg|png)$/.test(image)) {
      throw new ConfigurationError(
        `${page}: an image is a file of the folder (.svg, .png), and not ${image.slice(0, 60)}`,
      );
    }
    const name = join('pages', image);
    const content = this.#images.get(name) ?? this.#folder.bytes(join(this.#place, name));
    if (content === null) throw new ConfigurationError(`${page}: there is no file ${this.#path(name)}`);
    return `${assetsPath}/${this.#image(name, page).name}`;
  }

  #links(
    links: NonNullable<BrandFile['links']>,
    languages: readonly string[],
    pages: Brand['pages'],
  ): BrandLink[] {
    return links.map(({ text, url, page }, index) => {
      const place = `links.${index}`;
      if ((url === undefined) === (page === undefined)) this.#fail(place, 'must have url or page');
      if (page !== undefined && (isPart(page) || !pages.has(page))) {
        this.#fail(`${place}.page`, `there is no page ${this.#path(`pages/${page}.md`)}`);
      }
      const words = (language: string): string => {
        if (typeof text === 'string') return text;
        const [first = ''] = languages;
        return (
          text[language] ?? text[first] ?? this.#fail(`${place}.text`, `must have the language ${first}`)
        );
      };
      if (typeof text !== 'string') {
        const other = Object.keys(text).find((language) => !languages.includes(language));
        if (other !== undefined) {
          this.#fail(`${place}.text.${other}`, `is none of the languages ${languages.join(', ')}`);
        }
      }
      return {
        text: new Map(languages.map((language) => [language, words(language)])),
        address: url ?? `${pagesPath}/${page}`,
      };
    });
  }
}

function sameTexts(
  one: ReadonlyMap<string, RenderedText>,
  other: ReadonlyMap<string, RenderedText> | undefined,
): boolean {
  return other !== undefined && [...one].every(([language, text]) => other.get(language) === text);
}

function isPart(name: string): boolean {
  return partsOfPages.some((part) => part === name);
}
