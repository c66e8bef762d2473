import { fillIn, Html, html, type Look, type Looks, styleSheet } from 'rm-reflector/accounts';
import { domainOfCookie } from './brand-cookie.ts';
import { baseMark, type RenderedText } from './markdown.ts';
import { assetsPath, type Brand } from './read-brand.ts';
import { ownTexts } from './texts.ts';
import { tokenNames, tokens } from './tokens.ts';

export interface LooksContext {
  /** The domain whose labels are devices. */
  readonly domain: string;
  /** The host that devices share; `null`: there is none. */
  readonly cookieHost: string | null;
  /** The brand of a domain of devices; `null`: of the installation. */
  brandOf(domain: string | null): Brand;
}

/** The looks of a server: the brand by the device that a page is about or by the cookie, the language by the browser. */
export function brandLooks(context: LooksContext): Looks {
  return {
    of({ headers, secure }, domain) {
      const brand = context.brandOf(domain ?? domainOfCookie(headers.cookie, secure));
      const language = languageOf(brand, headers['accept-language']);
      return lookIn(brand, language, baseOf(headers.host, context));
    },
  };
}

/** How pages look in this brand and language. `base`: of addresses of the server, empty on its own host. */
export function lookIn(brand: Brand, language: string, base: string): Look {
  const place = (markup: string) => new Html(markup.replaceAll(baseMark, base));
  const note = pageIn(brand, 'log-in', language);
  const loads = brand.logo !== null || brand.icon !== null || [...brand.pages.values()].length > 0;
  return {
    language,
    name: brand.name,
    style: styleOf(brand),
    images: loads ? base.replace('//', '') || "'self'" : null,
    icon:
      brand.icon === null
        ? html``
        : html`
<link rel="icon" type="${brand.icon.type}" href="${base}${assetsPath}/${brand.icon.name}">`,
    header: place(headerOf(brand).markup),
    footer: place(footerOf(brand, language).markup),
    logInNote: place(note?.markup ?? ''),
    say(key, values = {}) {
      const text = brand.texts.get(language)?.get(key) ?? ownText(language, key);
      return text === null ? null : fillIn(text, values);
    },
  };
}

function ownText(language: string, key: string): string | null {
  const texts = ownTexts.get(language) ?? {};
  return Object.hasOwn(texts, key) ? (texts[key] ?? null) : null;
}

/** The first language of the reader that the brand has (RFC 9110 section 12.5.4); the region does not count. */
export function languageOf({ languages }: Brand, accepted: string | undefined): string {
  const wanted = (accepted ?? '')
    .slice(0, 500)
    .split(',')
    .map((range) => {
      const [name = '', weight] = range
        .trim()
        .toLowerCase()
        .split(/\s*;\s*q=/);
      return {
        language: name.split('-', 1)[0] ?? '',
        weight: weight === undefined ? 1 : Number(weight) || 0,
      };
    })
    .filter(({ weight }) => weight > 0)
    .toSorted((a, b) => b.weight - a.weight);
  const found = wanted.find(({ language }) => languages.includes(language));
  return found?.language ?? languages[0] ?? 'en';
}

/** The text of a page in this language, or the one for all languages. */
export function pageIn({ pages, languages }: Brand, name: string, language: string): RenderedText | null {
  const texts = pages.get(name);
  return texts?.get(language) ?? texts?.get('') ?? texts?.get(languages[0] ?? '') ?? null;
}

const styles = new WeakMap<Brand, Look['style']>();

function styleOf(brand: Brand): Look['style'] {
  let style = styles.get(brand);
  if (style === undefined) {
    const { light, dark } = brand.colors;
    const rules = (colors: ReadonlyMap<string, string>) =>
      [...colors].map(([name, color]) => `--color-${name}:${color}`).join(';');
    const css = `:root{${rules(light)}}@media (prefers-color-scheme:dark){:root{${rules(dark)}}}`;
    style = light.size + dark.size === 0 ? null : styleSheet(css);
    styles.set(brand, style);
  }
  return style;
}

/** For dashboard, terminal and desktop, where a user may choose the theme; `null`: nothing differs. */
export function dashboardStyle({ colors: { light, dark } }: Brand): string | null {
  const rules = tokenNames
    .filter((name) => light.has(name) || dark.has(name))
    .map((name) => {
      const [usualLight, usualDark] = tokens[name];
      return `--color-${name}:light-dark(${light.get(name) ?? usualLight},${dark.get(name) ?? usualDark})`;
    });
  return rules.length === 0 ? null : `:root{${rules.join(';')}}`;
}

function headerOf({ logo, name }: Brand): Html {
  if (logo === null && name === null) return html``;
  const alt = name ?? '';
  const source = ({ name: file }: { readonly name: string }) => `${baseMark}${assetsPath}/${file}`;
  const image = logo
    ? html`<picture>${
        logo.dark === logo.light
          ? html``
          : html`<source media="(prefers-color-scheme: dark)" srcset="${source(logo.dark)}">`
      }<img src="${source(logo.light)}" alt="${alt}"></picture>`
    : html`${alt}`;
  return html`<header class="masthead"><a href="${baseMark}/">${image}</a></header>
`;
}

function footerOf(brand: Brand, language: string): Html {
  const text = pageIn(brand, 'footer', language);
  const links = brand.links.map(({ text: words, address }) => {
    const href = address.startsWith('/') ? baseMark + address : address;
    return html`<a href="${href}">${words.get(language) ?? ''}</a> `;
  });
  if (text === null && links.length === 0) return html``;
  return html`<footer class="colophon">
${text === null ? html`` : new Html(text.markup)}${links.length === 0 ? html`` : html`<nav>${links}</nav>`}
</footer>
`;
}

/** On hosts of devices, addresses of the server begin with its name. */
function baseOf(host: string | undefined, { domain, cookieHost }: LooksContext): string {
  const [, name = '', port = ''] = /^([a-z0-9_.-]+?)\.?(:\d{1,5})?$/.exec((host ?? '').toLowerCase()) ?? [];
  return name.endsWith(`.${domain}`) || name === cookieHost ? `//${domain}${port}` : '';
}
