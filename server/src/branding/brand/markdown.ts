import MarkdownIt, { type Token } from 'markdown-it';
import { ConfigurationError } from 'rm-reflector/program';

/** Stands in markup for the address of the server, which is empty on its own pages. */
export const baseMark = '\uE000';

export interface MarkdownPlace {
  /** For messages: the path of the file. */
  readonly file: string;
  /** Whether it is a page of its own, with a title; else part of others. */
  readonly whole: boolean;
  /** Whether there is a page of this name. */
  isPage(name: string): boolean;
  /** The address of an image of the folder, on the server. Throws `ConfigurationError`. */
  image(path: string): string;
}

/** A text in Markdown as markup. */
export interface RenderedText {
  /** Of the first heading; empty where there is none. */
  readonly title: string;
  /** {@link baseMark} stands before addresses of the server. */
  readonly markup: string;
}

const markdown = new MarkdownIt('default', { html: false, linkify: false, typographer: false });
// All are looked at below: one that is not taken is a fault, not a text.
markdown.validateLink = () => true;

const tag = /<\/?[a-z][a-z0-9-]*(\s[^<>]*)?\/?>|<!--/i;

/**
 * Renders CommonMark with tables. HTML is a fault and not passed on; links lead to other pages of the brand (`imprint.md`), to this
 * server (`/account`) or elsewhere. Throws `ConfigurationError` with file and line.
 */
export function renderMarkdown(source: string, place: MarkdownPlace): RenderedText {
  const tokens = markdown.parse(source.replaceAll(baseMark, ''), {});
  let title = '';
  tokens.forEach((token, index) => {
    const line = (token.map?.[0] ?? 0) + 1;
    const fail = (reason: string): never => {
      throw new ConfigurationError(`${place.file}: line ${line}: ${reason}`);
    };
    if (token.type === 'heading_open') {
      if (!place.whole) fail('headings are for pages of their own');
      if (title === '') {
        if (token.tag !== 'h1') fail('the first heading is the title, and begins with one #');
        title = textOf(tokens[index + 1]);
      } else if (token.tag === 'h1') fail('there is one title: other headings begin with ##');
    }
    for (const child of token.children ?? []) checkInline(child, place, fail);
  });
  if (place.whole && title.trim() === '') {
    throw new ConfigurationError(`${place.file}: line 1: a page begins with a title: # TITLE`);
  }
  return { title, markup: markdown.renderer.render(tokens, markdown.options, {}) };
}

/** Checks a piece of a line, and gives links and images their address on the server. */
function checkInline(token: Token, place: MarkdownPlace, fail: (reason: string) => never): void {
  if (token.type === 'text' && tag.test(token.content)) {
    fail(`HTML is not possible: ${tag.exec(token.content)?.[0]?.slice(0, 40)}`);
  }
  if (token.type === 'link_open')
    token.attrSet('href', addressOf(String(token.attrGet('href') ?? ''), place, fail));
  if (token.type === 'image') {
    if (token.content.trim() === '') fail('an image needs words for those who do not see it: ![WORDS](FILE)');
    if (!place.whole) fail('images are for pages of their own');
    token.attrSet('src', place.image(decoded(String(token.attrGet('src') ?? ''))));
  }
}

function addressOf(address: string, { isPage }: MarkdownPlace, fail: (reason: string) => never): string {
  if (/^(https?:\/\/|mailto:|tel:)/i.test(address) || address.startsWith('#')) return address;
  if (/^\/(?![/\\])/.test(address)) return baseMark + address;
  const page = /^([a-z0-9-]+)\.md$/.exec(address)?.[1];
  if (page !== undefined && isPage(page)) return `${baseMark}/pages/${page}`;
  if (page !== undefined) return fail(`there is no page ${page}`);
  return fail(
    `a link leads to PAGE.md, /PATH, https:, http:, mailto: or tel:, and not to ${address.slice(0, 60)}`,
  );
}

function decoded(address: string): string {
  try {
    return decodeURIComponent(address);
  } catch {
    return address;
  }
}

function textOf(token: Token | undefined): string {
  const children = token?.children ?? [];
  return children.map(({ content }) => content).join('');
}
