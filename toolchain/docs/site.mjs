// The documents as static pages: every Markdown file of docs/, of the examples and the README, with their links.
import { posix } from 'node:path';

/**
 * @typedef {object} Page
 * @property {string} path of the HTML file
 * @property {string} markdown
 * @property {string} source the path that links to it name
 */

/** As GitHub makes anchors. @param {string} heading */
export const slug = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

/** Where the page of a Markdown file is. @param {string} source */
export const pagePath = (source) =>
  source === 'README.md'
    ? 'index.html'
    : source.replace(/README\.md$/, 'index.html').replace(/\.md$/, '.html');

/**
 * A link of a document as a link of its page: to another page, or unchanged.
 * @param {string} href
 * @param {string} source the document that it stands in
 * @param {ReadonlySet<string>} sources those that have pages
 */
export function linkOf(href, source, sources) {
  const [target = '', anchor] = href.split('#');
  if (/^[a-z]+:/.test(href) || target === '') return href;
  const named = posix.normalize(posix.join(posix.dirname(source), target));
  if (!sources.has(named)) return href;
  const from = posix.dirname(pagePath(source));
  return posix.relative(from, pagePath(named)) + (anchor === undefined ? '' : `#${anchor}`);
}

const style = `body{max-width:52rem;margin:2rem auto;padding:0 1rem;font:16px/1.5 system-ui,sans-serif;color:#1a1a1a}
code,pre{font:14px/1.45 ui-monospace,monospace;background:#f4f4f5}pre{padding:.75rem;overflow-x:auto}code{padding:.1em .2em}
pre code{padding:0}table{border-collapse:collapse;display:block;overflow-x:auto}td,th{border:1px solid #d4d4d8;padding:.3rem .6rem;
text-align:left;vertical-align:top}a{color:#0b57d0}nav{border-bottom:1px solid #d4d4d8;padding-bottom:.5rem}`;

/** @param {string} text */
const escaped = (text) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/**
 * One page as HTML. It loads nothing from elsewhere.
 * @param {string} source
 * @param {string} body
 */
export function htmlPage(source, body) {
  const title = /<h1[^>]*>(.*?)<\/h1>/s.exec(body)?.[1]?.replace(/<[^>]+>/g, '') ?? escaped(source);
  const root = posix.relative(posix.dirname(pagePath(source)), '.') || '.';
  const links = [
    ['index.html', 'Start'],
    ['docs/index.html', 'Documents'],
    ['sdk/index.html', 'SDK for Node'],
    ['c/rm_agent.html', 'C library'],
  ].map(([to, name]) => `<a href="${root}/${to}">${name}</a>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>${style}</style></head>
<body><nav>${links.join(' · ')}</nav>
<main>${body}</main></body></html>
`;
}

/**
 * All pages, by the path of the HTML file.
 * @param {ReadonlyMap<string, string>} documents Markdown, by its path
 * @param {new (options: object) => import('./markdown-it.d.ts').Markdown} MarkdownIt
 */
export function pages(documents, MarkdownIt) {
  const sources = new Set(documents.keys());
  return [...documents].map(([source, markdown]) => {
    const reader = new MarkdownIt({ html: false });
    const seen = new Map();
    reader.core.ruler.push('links', ({ tokens }) => {
      tokens.forEach((token, index) => {
        if (token.type === 'heading_open') {
          const anchor = slug(tokens[index + 1]?.content.replaceAll('`', '') ?? '');
          const count = seen.get(anchor) ?? 0;
          seen.set(anchor, count + 1);
          token.attrSet('id', count === 0 ? anchor : `${anchor}-${count}`);
        }
        for (const child of token.children ?? []) {
          const href = child.attrGet('href');
          if (href !== null) child.attrSet('href', linkOf(href, source, sources));
        }
      });
    });
    return { path: pagePath(source), html: htmlPage(source, reader.render(markdown)) };
  });
}
