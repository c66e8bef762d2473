import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

// What the documents point to must exist: the files and headings of links, the paths in code spans.

const root = fileURLToPath(new URL('..', import.meta.url));
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'examples/README.md',
  ...readdirSync(join(root, 'examples'))
    .map((name) => `examples/${name}/README.md`)
    .filter((file) => existsSync(join(root, file))),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

/** The text without fenced code. */
const prose = (/** @type {string} */ file) =>
  readFileSync(join(root, file), 'utf8').replace(/^( *)```.*?^\1```$/gms, '');

/**
 * As GitHub makes them: lower case, no punctuation, blanks become hyphens.
 * @param {string} file
 */
function anchors(file) {
  const seen = new Map();
  return [...prose(file).matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = '']) => {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}

/** Targets of links without a scheme, code spans left out. */
const links = (/** @type {string} */ file) =>
  [
    ...prose(file)
      .replace(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));

/**
 * @param {string} file
 * @param {string} target
 */
function broken(file, target) {
  const [path = '', anchor] = target.split('#');
  const named = path === '' ? file : relative(root, join(root, dirname(file), path));
  if (!existsSync(join(root, named))) return true;
  return anchor !== undefined && !(named.endsWith('.md') && anchors(named).includes(anchor));
}

describe('the documents', () => {
  it.each(documents)('%s has no broken link', (file) => {
    expect(links(file).filter((target) => broken(file, target))).toEqual([]);
  });

  it.each(documents)('%s names only paths that exist', (file) => {
    const named = [
      ...prose(file).matchAll(
        /`((?:agent|client|docs|examples|protocol|reflector-minimal|test|toolchain)\/[\w./-]+)`/g,
      ),
    ];
    expect(named.map(([, path = '']) => path).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('are all in the index docs/README.md', () => {
    const indexed = links('docs/README.md').map((target) => join('docs', target.split('#')[0] ?? ''));
    const missing = documents.filter((file) => file.startsWith('docs/') && file !== 'docs/README.md');
    expect(missing.filter((file) => !indexed.includes(file))).toEqual([]);
  });
});
