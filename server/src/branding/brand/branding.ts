import type { Logger } from 'pino';
import type { Looks, PasswordComplaint, Values } from 'rm-reflector/accounts';
import { fillIn, passwordComplaint } from 'rm-reflector/accounts';
import type { Limits } from '../../limits.ts';
import { type BrandAsset, brandAsset } from './image.ts';
import { brandLooks, dashboardStyle, type LooksContext, languageOf } from './looks.ts';
import { brandComplaint } from './password-rule.ts';
import { assetsPath, type Brand } from './read-brand.ts';
import { type Brands, plainBrands, readBrands } from './read-brands.ts';
import { type Catalogue, ownTexts } from './texts.ts';

export interface BrandingOptions {
  /** The folder; `null`: there is none. */
  readonly folder: string | null;
  /** English texts of the dashboard, terminal and desktop by key; `null`: they are not built. */
  readonly pageTexts: Catalogue | null;
  readonly limits: Pick<Limits, 'brandFileBytes' | 'brandFiles' | 'brandBytes' | 'brandDomains'>;
  readonly log: Pick<Logger, 'info' | 'error'>;
  readonly settings: Pick<LooksContext, 'domain' | 'cookieHost'>;
}

/** What dashboard, terminal and desktop load of a brand. */
export interface BrandFiles {
  /** Addresses on the server. */
  readonly style: string | null;
  /** By language. */
  readonly texts: ReadonlyMap<string, string>;
}

/** The one place that knows the brand: everything that people see asks here. */
export class Branding {
  readonly looks: Looks;
  readonly #options: BrandingOptions;
  #brands: Brands;
  #assets: ReadonlyMap<string, BrandAsset>;
  /** Of the time before. */
  #former: ReadonlyMap<string, BrandAsset>;
  #files: ReadonlyMap<Brand, BrandFiles>;

  /** Throws `ConfigurationError` with the path of the fault. */
  constructor(options: BrandingOptions) {
    this.#options = options;
    const { folder, pageTexts, limits } = options;
    this.#brands = folder === null ? plainBrands : readBrands(folder, pageTexts, limits);
    [this.#assets, this.#files] = filesOf(this.#brands);
    this.#former = this.#assets;
    this.looks = brandLooks({ ...options.settings, brandOf: (domain) => this.of(domain) });
  }

  /** Reads the folder again. Where something is wrong, what was there stays, and a line of the log says why. */
  reload(): void {
    const { folder, log } = this.#options;
    if (folder === null) return;
    try {
      this.read();
      log.info({ folder }, 'branding read again');
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.error({ folder }, `branding unusable; the former one stays: ${why}`);
    }
  }

  /** The same, and throws `ConfigurationError`. */
  read(): void {
    const { folder, pageTexts, limits } = this.#options;
    if (folder === null) return;
    const brands = readBrands(folder, pageTexts, limits);
    const [assets, files] = filesOf(brands);
    this.#brands = brands;
    // A page that was sent a moment ago loads the files that it names.
    this.#assets = new Map([...this.#former, ...assets]);
    this.#former = assets;
    this.#files = files;
  }

  /** Domains that have a brand of their own. */
  get domains(): readonly string[] {
    return [...this.#brands.domains.keys()];
  }

  /** The brand of a domain of devices; of the installation where it has none, and for `null`. */
  of(domain: string | null): Brand {
    return (domain === null ? undefined : this.#brands.domains.get(domain)) ?? this.#brands.main;
  }

  asset(name: string): BrandAsset | null {
    return this.#assets.get(name) ?? null;
  }

  filesOf(brand: Brand): BrandFiles {
    return this.#files.get(brand) ?? { style: null, texts: new Map() };
  }

  /** Why a password that somebody chooses is not taken; `null` when it is. `domain`: whose brand counts. */
  complaint(password: string, user: string, domain: string | null): PasswordComplaint | null {
    return passwordComplaint(password, user) ?? brandComplaint(password, this.of(domain).passwords);
  }

  /** The same, said in the first language of `accepted` (`Accept-Language`) that the brand has. */
  complaintIn(
    password: string,
    user: string,
    domain: string | null,
    accepted: string | undefined,
  ): string | null {
    const complaint = this.complaint(password, user, domain);
    if (complaint === null) return null;
    const language = languageOf(this.of(domain), accepted);
    return this.say(domain, language, complaint.key, complaint.values ?? {});
  }

  /** What is said outside of pages, such as in a mail. `language`: `null` for the first of the brand. */
  say(domain: string | null, language: string | null, key: string, values: Values): string {
    const brand = this.of(domain);
    const chosen =
      language !== null && brand.languages.includes(language) ? language : (brand.languages[0] ?? 'en');
    const text =
      brand.texts.get(chosen)?.get(key) ?? ownTexts.get(chosen)?.[key] ?? ownTexts.get('en')?.[key] ?? key;
    return fillIn(text, values);
  }
}

function filesOf({
  main,
  domains,
}: Brands): [assets: ReadonlyMap<string, BrandAsset>, files: ReadonlyMap<Brand, BrandFiles>] {
  const assets = new Map<string, BrandAsset>();
  const files = new Map<Brand, BrandFiles>();
  const keep = (text: string, ending: string, type: string) => {
    const asset = brandAsset(Buffer.from(text), ending, type);
    assets.set(asset.name, asset);
    return `${assetsPath}/${asset.name}`;
  };
  for (const brand of [main, ...domains.values()]) {
    for (const [name, asset] of brand.assets) assets.set(name, asset);
    const css = dashboardStyle(brand);
    const texts = [...brand.texts].map(
      ([language, of]) =>
        [language, keep(JSON.stringify(Object.fromEntries(of)), 'json', 'application/json')] as const,
    );
    files.set(brand, {
      style: css === null ? null : keep(css, 'css', 'text/css; charset=utf-8'),
      texts: new Map(texts),
    });
  }
  return [assets, files];
}
