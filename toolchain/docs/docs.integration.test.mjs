import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildDocs } from './docs.mjs';

const output = mkdtempSync(join(tmpdir(), 'rm-docs-'));
/** @type {readonly string[]} */
let pages = [];
afterAll(() => rmSync(output, { recursive: true }));
beforeAll(async () => {
  await buildDocs(output);
  pages = readdirSync(output, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.html'));
}, 900_000);

const read = (/** @type {string} */ page) => readFileSync(join(output, page), 'utf8');

/** The links of one of our pages to others, as paths of files with their anchors. @param {string} page */
function links(page) {
  return [...read(page).matchAll(/ href="([^"]+)"/g)]
    .map(([, href = '']) => href)
    .filter((href) => !/^[a-z]+:/.test(href) && /\.html(#|$)/.test(href))
    .map((href) => {
      const [path = '', anchor = ''] = href.split('#');
      return { path: join(dirname(page), path), anchor };
    });
}

describe('the pages', () => {
  it('are one for each document, and one for each library', () => {
    expect(pages).toEqual(
      expect.arrayContaining([
        'index.html',
        'docs/index.html',
        'docs/c-library.html',
        'c/rm_agent.html',
        'sdk/index.html',
      ]),
    );
    expect(read('c/rm_agent.html')).toContain('<h2 id="rm_agent_create">rm_agent_create</h2>');
    expect(readdirSync(join(output, 'sdk/classes'))).toContain('Agent.html');
  });

  it('link to pages and headings that exist', () => {
    const ours = pages.filter((page) => !page.startsWith('sdk/'));
    const broken = ours.flatMap((page) =>
      links(page)
        .filter(({ path, anchor }) => {
          if (!existsSync(join(output, path))) return true;
          return (
            anchor !== '' &&
            !path.startsWith('sdk/') &&
            !read(path).includes(` id="${decodeURIComponent(anchor)}"`)
          );
        })
        .map(({ path, anchor }) => `${page}: ${path}#${anchor}`),
    );
    expect(broken).toEqual([]);
  });

  it('have their pictures', () => {
    const pictures = pages
      .filter((page) => !page.startsWith('sdk/'))
      .flatMap((page) =>
        [...read(page).matchAll(/<img src="([^":]+)"/g)].map(([, source = '']) =>
          join(dirname(page), source),
        ),
      );
    expect(pictures).toContain('docs/pictures/devices.jpg');
    expect(pictures.filter((picture) => !existsSync(join(output, picture)))).toEqual([]);
  });

  it('load nothing from elsewhere', () => {
    for (const page of pages)
      expect(read(page)).not.toMatch(/<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?\/\//);
  });
});
